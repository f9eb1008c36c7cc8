// ioredis 5: RESP2 only.
import Redis from "ioredis5";
import { ioredisSuite } from "./ioredis.mjs";

ioredisSuite("ioredis 5", Redis, { defaultProtocol: 2 });
