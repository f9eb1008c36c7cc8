// RedisCache without a store: what it keeps, under which keys, for how long.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { Redis } from "ioredis";
import { Redis as Redis5 } from "ioredis5";

import { CacheUnavailableError, RedisCache, VOLATILITY } from "../src/index.js";
import { Keys } from "../src/keys.js";
import { eventually, freePort, sleep, targets } from "./support/servers.js";
import { suiteOn } from "./support/suite.js";

const PATIENT = { commandTimeoutMs: 2000 }; // on a busy machine, where speed is not the question

for (const target of targets()) {
  describe(`cache on ${target.name}`, () => {
    const suite = suiteOn(target);

    let namespaces = 0;
    const open = async (options: ConstructorParameters<typeof RedisCache>[0] = {}): Promise<RedisCache> => {
      const cache = new RedisCache({ redis: { port: suite.server.port }, namespace: `t${++namespaces}`, ...PATIENT, ...options });
      assert.ok(await cache.ready(5000), "not ready");
      return cache;
    };

    test("keeps sessions, messages and profiles for their default times", async () => {
      const cache = await open({ namespace: "shop" });
      const session = { user: 7n, since: new Date(5), roles: ["admin"] };
      await cache.cacheUserSession(7, session);
      await cache.cacheMessages("7", [{ text: "hello" }, { text: "wörld\u0000" }]);
      await cache.cacheUserProfile(7n, { name: "Ada" });
      assert.deepEqual(await cache.getUserSession("7"), session);
      assert.deepEqual(await cache.getCachedMessages(7), [{ text: "hello" }, { text: "wörld\u0000" }]);
      assert.deepEqual(await cache.getUserProfile(7), { name: "Ada" });
      for (const [kind, ttl] of [["session", 3600], ["messages", 300], ["profile", 1800]] as const) {
        const left = await suite.redis.ttl(`shop:v:${kind}:7`);
        assert.ok(left <= ttl && left > ttl - 5, `${kind}: ${left}`);
      }
      await cache.cacheUserSession(7, session, 5);
      assert.ok((await suite.redis.ttl("shop:v:session:7")) <= 5);
      await cache.close();
    });

    test("forgets what is invalidated, and nothing else", async () => {
      const cache = await open();
      for (const id of [1, 2]) {
        await cache.cacheUserSession(id, id);
        await cache.cacheMessages(id, [id]);
        await cache.cacheUserProfile(id, id);
      }
      await cache.invalidateUserSession(1);
      await cache.invalidateMessages(1);
      await cache.invalidateUserProfile(1);
      assert.equal(await cache.getUserSession(1), null);
      assert.equal(await cache.getCachedMessages(1), null);
      assert.equal(await cache.getUserProfile(1), null);
      assert.equal(await cache.getUserSession(2), 2);
      assert.deepEqual(await cache.getCachedMessages(2), [2]);
      assert.equal(await cache.getUserProfile(2), 2);
      await cache.close();
    });

    test("keeps namespaces and kinds apart", async () => {
      const [one, two] = [await open(), await open()];
      await one.cacheUserProfile("a", 1);
      await two.cacheUserProfile("a", 2);
      await one.cacheUserSession("a", 3);
      assert.equal(await one.getUserProfile("a"), 1);
      assert.equal(await two.getUserProfile("a"), 2);
      assert.equal(await one.invalidatePrefix("profile:"), 1);
      assert.equal(await one.getUserProfile("a"), null);
      assert.equal(await one.getUserSession("a"), 3);
      assert.equal(await two.getUserProfile("a"), 2);
      await Promise.all([one.close(), two.close()]);
      assert.throws(() => new Keys("a:b"), TypeError);
    });

    test("removes thousands of keys by prefix, taking every character of it literally", async () => {
      const cache = await open({ commandTimeoutMs: 20_000, lockMs: 60_000 }); // thousands at once
      const load = (): Promise<number> => Promise.resolve(1);
      await Promise.all(Array.from({ length: 3000 }, (_, i) => cache.cacheQuery(`many:${i}`, 60, load)));
      for (const odd of ["a*b", "a[bc]", "a?b", "a\\b", "axb", "ab"]) await cache.cacheQuery(odd, 60, load);
      await eventually(async () => (await suite.redis.keys(`t${namespaces}:v:*`)).length === 3006, "all are filled", 20_000);
      assert.equal(await cache.invalidatePrefix("query:many:"), 3000);
      for (const odd of ["a*", "a[bc]", "a?b", "a\\b"]) assert.equal(await cache.invalidatePrefix(`query:${odd}`), 1, odd);
      assert.equal(await cache.invalidatePrefix("query:a"), 2);
      assert.equal(await cache.invalidatePrefix("query:a"), 0);
      await cache.close();
    });

    test("asks the loader of a query once while its result is kept", async () => {
      const cache = await open();
      let calls = 0;
      const load = async (): Promise<{ at: Date; n: number }> => Promise.resolve({ at: new Date(9), n: ++calls });
      assert.deepEqual(await cache.cacheQuery("q", 60, load), { at: new Date(9), n: 1 });
      assert.deepEqual(await cache.cacheQuery("q", 60, load), { at: new Date(9), n: 1 });
      await cache.invalidateQuery("q");
      assert.equal((await cache.cacheQuery("q", 60, load)).n, 2);
      assert.equal(await cache.cacheQuery("null", 60, () => Promise.resolve(null)), null);
      assert.equal(await cache.cacheQuery<string | null>("null", 60, () => Promise.resolve("not asked")), null);
      const { hits, misses, loads, fills } = cache.stats();
      assert.deepEqual({ hits, misses, loads, fills }, { hits: 2, misses: 3, loads: 3, fills: 3 });
      await cache.close();
    });

    test("chooses the time to live by volatility, with a tenth of jitter", async () => {
      const cache = await open({ staleSeconds: 0 });
      const seen = new Set<number>();
      for (const [name, ttl] of Object.entries(VOLATILITY)) {
        for (let i = 0; i < 5; i++) {
          await cache.cacheQuery(`${name}:${i}`, name as keyof typeof VOLATILITY, () => Promise.resolve(i));
          await sleep(2);
          const left = await suite.redis.pttl(`t${namespaces}:v:query:${name}:${i}`);
          assert.ok(left <= ttl * 1000 && left > ttl * 900 - 1000, `${name}: ${left}`);
          if (name === "static") seen.add(left);
        }
      }
      assert.ok(seen.size > 1, "no jitter");
      for (const ttl of [0, -1, 1.5, Number.NaN]) await assert.rejects(cache.cacheQuery("x", ttl, () => Promise.resolve(1)), RangeError);
      await cache.close();
    });

    test("lets one of many processes load, and the others wait for it", async () => {
      const caches = await Promise.all(Array.from({ length: 5 }, () => open({ namespace: "herd" })));
      let calls = 0;
      const load = async (): Promise<number> => {
        await sleep(200);
        return ++calls;
      };
      const answers = await Promise.all(
        caches.flatMap((cache) => Array.from({ length: 20 }, () => cache.cacheQuery("q", 60, load))),
      );
      assert.deepEqual(new Set(answers), new Set([1]));
      assert.equal(calls, 1);
      assert.ok(caches.some((cache) => cache.stats().waits > 0));
      await Promise.all(caches.map((cache) => cache.close()));
    });

    test("hands out the last result while one loads the next", async () => {
      const caches = await Promise.all([open({ namespace: "stale" }), open({ namespace: "stale" })]);
      let calls = 0;
      let finish: (value: number) => void = () => assert.fail("no loader runs");
      assert.equal(await caches[0].cacheQuery("q", 1, () => Promise.resolve(1)), 1);
      await sleep(1100);
      const load = (): Promise<number> => {
        calls++;
        return new Promise((resolve) => (finish = resolve));
      };
      for (const cache of caches) assert.equal(await cache.cacheQuery("q", 1, load), 1); // the loader has not ended
      await eventually(() => calls === 1, "one loads");
      finish(2);
      for (const cache of caches) await eventually(async () => (await cache.cacheQuery("q", 60, load)) === 2, "the next result");
      assert.equal(calls, 1);
      await Promise.all(caches.map((cache) => cache.close()));
    });

    test("passes on what a loader throws, and lets the next one load", async () => {
      const cache = await open();
      await assert.rejects(cache.cacheQuery("q", 60, () => Promise.reject(new Error("no database"))), /no database/);
      const begun = Date.now();
      assert.equal(await cache.cacheQuery("q", 60, () => Promise.resolve(1)), 1);
      assert.ok(Date.now() - begun < 1000, "the lock stayed");
      await cache.close();
    });

    test("waits no longer than the lock lasts for a loader that hangs", async () => {
      const [one, two] = [await open({ namespace: "hang", lockMs: 600 }), await open({ namespace: "hang", lockMs: 600 })];
      const hanging = one.cacheQuery("q", 60, () => sleep(3000).then(() => 1));
      await sleep(50);
      assert.equal(await two.cacheQuery("q", 60, () => Promise.resolve(2)), 2);
      assert.equal(await hanging, 1);
      await Promise.all([one.close(), two.close()]);
    });

    test("does not store what was loaded before an invalidation", async () => {
      const [one, two] = [await open({ namespace: "race" }), await open({ namespace: "race" })];
      let truth = "old";
      const slow = one.cacheQuery("q", 60, async () => {
        const read = truth;
        await sleep(200);
        return read;
      });
      await sleep(50);
      truth = "new";
      await two.invalidatePrefix("query:q");
      assert.equal(await one.cacheQuery("q", 60, () => Promise.resolve(truth)), "new", "joined a load from before");
      assert.equal(await slow, "old");
      await sleep(50);
      assert.equal(await two.cacheQuery("q", 60, () => Promise.resolve("loaded again")), "new");
      await Promise.all([one.close(), two.close()]);
    });

    test("declares everything invalid when somebody else empties the server", async () => {
      const cache = await open();
      await cache.cacheQuery("q", 60, () => Promise.resolve(1));
      await suite.redis.flushall();
      assert.equal(await cache.cacheQuery("q", 60, () => Promise.resolve(2)), 2);
      assert.ok(await cache.ready(2000));
      assert.equal(await cache.cacheQuery("q", 60, () => Promise.resolve(3)), 3);
      assert.equal(await cache.cacheQuery("q", 60, () => Promise.resolve(4)), 3);
      await cache.close();
    });

    test("uses a client that the application made, of ioredis 5 too, and leaves it open", async () => {
      for (const client of [new Redis(suite.server.port), new Redis5(suite.server.port) as unknown as Redis]) {
        const cache = await open({ redis: client });
        await cache.cacheUserProfile(1, "x");
        assert.equal(await cache.getUserProfile(1), "x");
        await cache.close();
        assert.equal(await client.ping(), "PONG");
        client.disconnect();
      }
    });

    test("reports its health", async () => {
      const cache = await open();
      const health = await cache.health();
      assert.equal(health.status, "up");
      assert.equal(health.store, null);
      assert.ok(health.cache.latencyMs !== null && health.cache.latencyMs < 2000);
      assert.ok(health.cache.connectedClients !== null && health.cache.connectedClients >= 2);
      assert.ok(health.cache.usedMemoryBytes !== null && health.cache.usedMemoryBytes > 0);
      assert.match(health.cache.version ?? "", /^\d/);
      await cache.close();
    });
  });
}

test("without server or store, reads find nothing, writes say so, queries load", async () => {
  const cache = new RedisCache({ redis: { port: await freePort() } });
  const begun = Date.now();
  assert.equal(await cache.getUserSession(1), null);
  await assert.rejects(cache.cacheUserSession(1, {}), CacheUnavailableError);
  await assert.rejects(cache.invalidateUserSession(1), CacheUnavailableError);
  await assert.rejects(cache.addMessage(1, "m"), TypeError);
  assert.equal(await cache.cacheQuery("q", 60, () => Promise.resolve(5)), 5);
  assert.equal(await cache.invalidatePrefix("query:"), 0);
  const health = await cache.health();
  assert.equal(health.status, "down");
  assert.ok(Date.now() - begun < 500);
  await cache.close();
});
