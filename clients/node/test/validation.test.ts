// The validation suite: what the package expects of a server, asked for with a
// stock client and with several caches at once.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { Redis } from "ioredis";

import { CacheUnavailableError, CodecError, RedisCache } from "../src/index.js";
import { eventually, targets } from "./support/servers.js";
import { suiteOn } from "./support/suite.js";

const MANY_KEYS = 5000;
const CLIENTS = 5;

for (const target of targets()) {
  describe(`validation on ${target.name}`, () => {
    const suite = suiteOn(target);

    const open = async (namespace: string): Promise<RedisCache> => {
      const cache = new RedisCache({ redis: { port: suite.server.port }, namespace, commandTimeoutMs: 5000 });
      assert.ok(await cache.ready(10_000));
      return cache;
    };

    test("connections come and go", async () => {
      const clients = Array.from({ length: 20 }, () => new Redis(suite.server.port));
      assert.deepEqual(await Promise.all(clients.map((client) => client.ping())), Array(20).fill("PONG"));
      const count = async (): Promise<number> => ((await suite.redis.client("LIST")) as string).trim().split("\n").length;
      assert.equal(await count(), 21);
      for (const client of clients) client.disconnect();
      await eventually(async () => (await count()) === 1, "their connections are gone");
    });

    test("the commands that the package sends", async () => {
      assert.equal(await suite.redis.set("s", "one", "EX", 60, "NX", "GET"), null);
      assert.equal(await suite.redis.set("s", "two", "EX", 60, "NX", "GET"), "one");
      assert.equal(await suite.redis.set("l", "me", "PX", 5000, "NX"), "OK");
      assert.equal(await suite.redis.set("l", "you", "PX", 5000, "NX"), null);
      assert.deepEqual(await suite.redis.mget("s", "missing", "l"), ["one", null, "me"]);
      assert.equal(await suite.redis.expire("s", 100), 1);
      assert.equal(await suite.redis.unlink("s", "l", "missing"), 2);
      assert.match(await suite.redis.info("server"), /^run_id:[0-9a-f]{40}\r$/m);
      await suite.redis.set("glob:[a]*", 1);
      assert.deepEqual((await suite.redis.scan("0", "MATCH", "glob:\\[a\\]\\**", "COUNT", 10_000))[1], ["glob:[a]*"]);
    });

    test(`${MANY_KEYS} keys are all kept`, async () => {
      const cache = await open("many");
      const ids = Array.from({ length: MANY_KEYS }, (_, i) => i);
      await Promise.all(ids.map((id) => cache.cacheUserProfile(id, { id })));
      assert.deepEqual(await Promise.all(ids.map((id) => cache.getUserProfile(id))), ids.map((id) => ({ id })));
      assert.equal(await cache.invalidatePrefix("profile:"), MANY_KEYS);
      await cache.close();
    });

    test(`${CLIENTS} clients work at once without getting in each other's way`, async () => {
      const caches = await Promise.all(Array.from({ length: CLIENTS }, () => open("together")));
      await Promise.all(
        caches.map(async (cache, c) => {
          for (let i = 0; i < 200; i++) {
            await cache.cacheMessages(`${c}:${i % 10}`, [c, i]);
            assert.deepEqual(await cache.getCachedMessages(`${c}:${i % 10}`), [c, i]);
          }
        }),
      );
      for (const cache of caches) assert.equal(cache.stats().errors, 0);
      await Promise.all(caches.map((cache) => cache.close()));
    });

    test("errors are told by name and leave the cache usable", async () => {
      const cache = await open("errors");
      await suite.redis.lpush("errors:v:profile:1", "not a string");
      assert.equal(await cache.getUserProfile(1), null);
      assert.match(String(cache.stats().errors), /[1-9]/);
      await suite.redis.set("errors:v:profile:2", "{");
      assert.equal(await cache.getUserProfile(2), null);
      assert.equal((await cache.health()).cache.lastError?.startsWith("not a stored value"), true);
      await assert.rejects(cache.cacheUserProfile(3, new Map()), TypeError);
      await cache.cacheUserProfile(3, "fine");
      assert.equal(await cache.getUserProfile(3), "fine");
      assert.ok(CodecError.prototype instanceof Error && CacheUnavailableError.prototype instanceof Error);
      await cache.close();
    });

    test("nothing is left after a clean-up", async () => {
      const cache = await open("clean");
      for (let i = 0; i < 100; i++) {
        await cache.cacheUserSession(i, i);
        await cache.cacheQuery(`q${i}`, 60, () => Promise.resolve(i));
      }
      for (const prefix of ["session:", "query:"]) await cache.invalidatePrefix(prefix);
      await cache.close();
      const left = (await suite.redis.keys("clean:*")).filter((key) => !key.startsWith("clean:l:"));
      assert.deepEqual(left, ["clean:epoch"]);
      await suite.redis.flushall();
      assert.equal(await suite.redis.dbsize(), 0);
    });
  });
}
