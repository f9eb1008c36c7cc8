// ioredis 6: HELLO 3 by default. The suite of version 5 must hold for both of
// its protocols, and then there is what only RESP3 can do.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import Redis from "ioredis6";
import { ioredisSuite } from "./ioredis.mjs";
import { plain } from "./support.mjs";

ioredisSuite("ioredis 6", Redis, { defaultProtocol: 3 });
ioredisSuite("ioredis 6 on RESP2", Redis, { defaultProtocol: 2, options: { protocol: 2 } });

describe("ioredis 6 with RESP3 reply types", () => {
  test("maps are objects", async (t) => {
    const redis = new Redis({ ...plain(), replyMapping: "resp3" });
    t.after(() => redis.disconnect());
    assert.deepEqual(await redis.config("GET", "databases"), { databases: "16" });
    const hello = await redis.call("HELLO", "3");
    assert.equal(hello.proto, 3);
    assert.equal(hello.role, "master");
    assert.deepEqual(hello.modules, []);
  });

  test("a missing value is null", async (t) => {
    const redis = new Redis({ ...plain(), replyMapping: "resp3" });
    t.after(() => redis.disconnect());
    assert.equal(await redis.get("resp3:missing"), null);
    assert.deepEqual(await redis.mget("resp3:missing", "resp3:missing"), [null, null]);
  });

  test("the protocol can be changed on a live connection", async (t) => {
    const redis = new Redis(plain());
    t.after(() => redis.disconnect());
    assert.match(await redis.client("INFO"), / resp=3/);
    await redis.call("HELLO", "2");
    assert.match(await redis.client("INFO"), / resp=2/);
  });
});
