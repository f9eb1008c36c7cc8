// The recipes of the README, run as they stand there with the packages that
// they name.

import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { describe, test } from "node:test";

import express, { type Express } from "express";
import type { Redis } from "ioredis";
import type { Pool } from "pg";

import { RedisCache } from "../src/index.js";
import type { RespiteService } from "../src/service.js";
import { Postgres } from "./support/postgres.js";
import { runRecipe } from "./support/readme.js";
import { answers, freePort, targets } from "./support/servers.js";
import { suiteOn } from "./support/suite.js";

const COMMANDS = 100;
const DAY_SECONDS = 86_400;
const secret = "a secret of the tests";

/** How often work makes a client write to its connection. */
async function writesOf(redis: Redis, work: () => Promise<unknown>): Promise<number> {
  const { stream } = redis;
  const write = stream.write.bind(stream);
  let writes = 0;
  stream.write = ((...args: Parameters<typeof write>) => {
    writes++;
    return write(...args);
  }) as typeof write;
  try {
    await work();
  } finally {
    stream.write = write;
  }
  return writes;
}

/** An application that counts the visits of each session. */
async function visit(app: Express, walk: (get: (path: string) => Promise<string>) => Promise<void>): Promise<void> {
  app.get("/visit", (req, res) => {
    const counted = req.session as unknown as { visits?: number };
    counted.visits = (counted.visits ?? 0) + 1;
    res.send(String(counted.visits));
  });
  app.get("/look", (req, res) => {
    res.send(String((req.session as unknown as { visits?: number }).visits ?? 0));
  });
  app.get("/leave", (req, res) => {
    req.session.destroy((error) => res.send(String(error ?? "left")));
  });
  const server = app.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  let cookie = "";
  try {
    await walk(async (path) => {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { cookie } });
      cookie = answer.headers.getSetCookie()[0]?.split(";", 1)[0] ?? cookie;
      assert.equal(answer.status, 200);
      return answer.text();
    });
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

for (const target of targets()) {
  describe(`recipes on ${target.name}`, () => {
    const suite = suiteOn(target);

    const visits = async (app: Express, kept: () => Promise<number>): Promise<void> => {
      await visit(app, async (get) => {
        assert.equal(await get("/visit"), "1");
        assert.equal(await get("/visit"), "2");
        assert.equal(await get("/look"), "2");
        assert.equal(await kept(), 1);
        assert.equal(await get("/leave"), "left");
        assert.equal(await get("/look"), "0");
        assert.equal(await kept(), 0);
      });
    };

    test("the example at the top, with PostgreSQL", async () => {
      const postgres = await Postgres.start();
      const pool = postgres.pool(1);
      await pool.query("CREATE TABLE orders AS SELECT generate_series(1, 5)");
      const environment = { DATABASE_URL: postgres.url, REDIS_URL: `redis://127.0.0.1:${suite.server.port}` };
      const made = await runRecipe("A cache for sessions", suite.server.port, { process: { env: environment } }, "pool", "cache");
      const cache = made.cache as RedisCache;
      try {
        const profile = (await cache.getUserProfile(17)) as { name: string; since: Date; points: bigint };
        assert.ok(profile.name === "Ada" && profile.since instanceof Date && profile.points === 5n);
        assert.ok(await cache.ready(10_000));
      } finally {
        await cache.close();
        await Promise.all([pool, made.pool as Pool].map((one) => one.end()));
        await postgres.stop();
      }
    });

    test("fail-fast options with autopipelining", async () => {
      const made = await runRecipe("Fail-fast options", suite.server.port, {}, "redis", "cache");
      const [client, cache] = [made.redis as Redis, made.cache as RedisCache];
      assert.ok(await cache.ready(10_000));
      const keys = Array.from({ length: COMMANDS }, (_, i) => `auto:${i}`);
      const set = await writesOf(client, async () => {
        assert.deepEqual(await Promise.all(keys.map((key) => client.set(key, `of ${key}`))), Array(COMMANDS).fill("OK"));
      });
      assert.ok(set < COMMANDS / 10, `${set} writes for ${COMMANDS} commands`);
      assert.deepEqual(await Promise.all(keys.map((key) => client.get(key))), keys.map((key) => `of ${key}`));
      const wrong = await Promise.allSettled([client.get("auto:0"), client.lpush("auto:0", "x"), client.get("auto:1")]);
      assert.deepEqual(wrong.map((one) => one.status), ["fulfilled", "rejected", "fulfilled"]);
      await cache.cacheUserProfile(1, { name: "Ada" });
      assert.deepEqual(await cache.getUserProfile(1), { name: "Ada" });

      client.on("error", () => undefined);
      const closed = once(client, "close");
      await suite.server.kill();
      await closed;
      await assert.rejects(client.get("auto:0")); // at once: the server is never started while it is waited for
      await cache.close();
      client.disconnect();
      await suite.server.start();
      if (suite.redis.status !== "ready") await once(suite.redis, "ready");
    });

    test("sessions in the cache alone, with connect-redis and redis", async () => {
      const app = express();
      const { client } = await runRecipe("Session store for Express in the cache alone", suite.server.port, { app, secret }, "client");
      try {
        await visits(app, async () => {
          const keys = await suite.redis.keys("sess:*");
          for (const key of keys) {
            assert.equal(await suite.redis.type(key), "string");
            assert.ok((await suite.redis.ttl(key)) > DAY_SECONDS - 600);
          }
          return keys.length;
        });
      } finally {
        (client as { destroy: () => void }).destroy();
      }
    });

    test("sessions that survive, with connect-redis and sessionClient", async () => {
      const cache = new RedisCache({ redis: { port: suite.server.port }, namespace: "recipe", commandTimeoutMs: 5000 });
      assert.ok(await cache.ready(10_000));
      const app = express();
      await runRecipe("Session store for Express that survives", suite.server.port, { app, secret, cache });
      await visits(app, async () => (await suite.redis.keys("recipe:v:session:sess:*")).length);
      await cache.close();
    });

    test("a rate limiter without scripts", async () => {
      const made = await runRecipe("Rate limiter", suite.server.port, { redis: suite.redis }, "allowed");
      const allowed = made.allowed as (user: string, limit: number, windowSeconds: number) => Promise<boolean>;
      const asked = await Promise.all(Array.from({ length: 12 }, () => allowed("ada", 5, DAY_SECONDS)));
      assert.deepEqual(asked, [...Array<boolean>(5).fill(true), ...Array<boolean>(7).fill(false)]);
      assert.equal(await allowed("ada", 5, DAY_SECONDS), false);
      assert.equal(await allowed("ada", 5, DAY_SECONDS / 2), true, "another window");
      assert.equal(await allowed("bob", 5, DAY_SECONDS), true);
      const keys = await suite.redis.keys("rate:*");
      assert.equal(keys.length, 3);
      for (const key of keys) assert.ok((await suite.redis.ttl(key)) > DAY_SECONDS / 2 - 600);
    });
  });
}

test("the service manager in code", async () => {
  const port = await freePort();
  const told: unknown[][] = [];
  const log = (...args: unknown[]): void => void told.push(args);
  const { service } = await runRecipe("## Running the server", port, { console: { log } }, "service");
  assert.equal((service as RespiteService).state, "stopped");
  assert.ok(told.some((line) => line[0] === "running" && Number(line[1]) > 0 && line[2] === 0), "state, pid, connections");
  assert.equal(await answers(port), false);
});
