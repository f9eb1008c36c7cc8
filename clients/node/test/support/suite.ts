/** suite.ts: what most suites need before their first test and give back after their last. */

import { after, before } from "node:test";

import { Redis } from "ioredis";

import { Server, type Target } from "./servers.js";

/** A server, and a stock client of it. */
export interface Suite {
  readonly server: Server;
  readonly redis: Redis;
}

/** Starts a server with the suite that calls it, and ends it with the suite; to be used by tests only. */
export function suiteOn(target: Target): Suite {
  const suite = {} as { server: Server; redis: Redis };
  before(async () => {
    suite.server = await Server.start(target);
    suite.redis = new Redis(suite.server.port);
    suite.redis.on("error", () => undefined); // while a test has ended the server
  });
  after(async () => {
    suite.redis.disconnect();
    await suite.server.stop();
  });
  return suite;
}
