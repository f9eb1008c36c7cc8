// The integration suite: the ways in which a web application uses the cache,
// with PostgreSQL behind it, and the raw commands that such applications send.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { PostgresStore, RedisCache } from "../src/index.js";
import { Postgres } from "./support/postgres.js";
import { Server, sleep, targets } from "./support/servers.js";

interface Types {
  session: { userId: number; token: string; createdAt: Date };
  message: { id: bigint; text: string };
  profile: { name: string; tags: string[] };
}

let postgres: Postgres;
before(async () => {
  postgres = await Postgres.start();
});
after(async () => {
  await postgres.stop();
});

for (const target of targets()) {
  describe(`integration on ${target.name}`, () => {
    let server: Server;
    let cache: RedisCache<Types>;
    let pool: ReturnType<Postgres["pool"]>;

    before(async () => {
      server = await Server.start(target);
      pool = postgres.pool();
      const store = new PostgresStore(pool, { schema: `integration_${target.name.replace("-", "_")}` });
      await store.migrate();
      cache = new RedisCache<Types>({ redis: { port: server.port }, store, commandTimeoutMs: 2000 });
      assert.ok(await cache.ready(10_000));
    });
    after(async () => {
      await cache.close();
      await pool.end();
      await server.stop();
    });

    test("sessions are JSON with dates", async () => {
      const session = { userId: 1, token: "t-1", createdAt: new Date("2026-01-31T12:00:00.500Z") };
      await cache.cacheUserSession(1, session);
      assert.deepEqual(await cache.getUserSession(1), session);
      assert.deepEqual(await cache.getUserSession(1), session);
      const raw = (await cache.redis.get("app:v:session:1")) ?? "";
      const json = JSON.parse(raw.slice(raw.indexOf("\n") + 1)) as { createdAt: unknown };
      assert.deepEqual(json.createdAt, { $date: "2026-01-31T12:00:00.500Z" });
      await cache.invalidateUserSession(1);
      assert.equal(await cache.getUserSession(1), null);
    });

    test("messages keep their order and their bigints", async () => {
      const messages = Array.from({ length: 50 }, (_, i) => ({ id: 2n ** 60n + BigInt(i), text: `message ${i}` }));
      await cache.cacheMessages(1, messages);
      assert.deepEqual(await cache.getCachedMessages(1), messages);
      await cache.addMessage(1, { id: 1n, text: "last" });
      assert.deepEqual((await cache.getCachedMessages(1))?.at(-1), { id: 1n, text: "last" });
      await cache.invalidateMessages(1);
      assert.equal((await cache.getCachedMessages(1))?.length, 51);
    });

    test("profiles are replaced, not merged", async () => {
      await cache.cacheUserProfile(1, { name: "Ada", tags: ["a", "b"] });
      assert.deepEqual(await cache.getUserProfile(1), { name: "Ada", tags: ["a", "b"] });
      await cache.cacheUserProfile(1, { name: "Grace", tags: [] });
      assert.deepEqual(await cache.getUserProfile(1), { name: "Grace", tags: [] });
    });

    test("a hundred users at once", async () => {
      const ids = Array.from({ length: 100 }, (_, i) => 1000 + i);
      const session = (userId: number): Types["session"] => ({ userId, token: `t-${userId}`, createdAt: new Date(userId) });
      await Promise.all(ids.map((id) => cache.cacheUserSession(id, session(id))));
      for (let round = 0; round < 2; round++) {
        assert.deepEqual(await Promise.all(ids.map((id) => cache.getUserSession(id))), ids.map(session));
      }
      assert.ok(cache.stats().hits >= 100);
    });

    test("a pipeline of 100 SETs and 100 GETs keeps its order", async () => {
      const sets = cache.redis.pipeline();
      for (let i = 0; i < 100; i++) sets.set(`pipeline:${i}`, `v${i}`, "EX", 60);
      assert.deepEqual(await sets.exec(), Array(100).fill([null, "OK"]));
      const gets = cache.redis.pipeline();
      for (let i = 0; i < 100; i++) gets.get(`pipeline:${i}`);
      assert.deepEqual(await gets.exec(), Array.from({ length: 100 }, (_, i) => [null, `v${i}`]));
    });

    test("invalidation by prefix reaches every kind", async () => {
      await cache.cacheQuery("report:1", "slow", () => Promise.resolve(1));
      await cache.cacheQuery("report:2", "slow", () => Promise.resolve(2));
      await sleep(20);
      assert.equal(await cache.invalidatePrefix("query:report:"), 2);
      assert.equal(await cache.cacheQuery("report:1", "slow", () => Promise.resolve(3)), 3);
    });

    test("health is up on both sides", async () => {
      const health = await cache.health();
      assert.equal(health.status, "up");
      assert.equal(health.store?.up, true);
      assert.equal(health.cache.lastError, null);
    });
  });
}
