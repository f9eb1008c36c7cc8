// The recipes of the README, run as they stand there with the packages that
// they name.

import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { after, before, describe, test } from "node:test";

import express, { type Express } from "express";
import { Redis } from "ioredis";

import { RedisCache } from "../src/index.js";
import { runRecipe } from "./support/readme.js";
import { Server, targets } from "./support/servers.js";

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
    let server: Server;
    let redis: Redis;

    before(async () => {
      server = await Server.start(target);
      redis = new Redis(server.port);
      redis.on("error", () => undefined); // while the server is away
    });
    after(async () => {
      redis.disconnect();
      await server.stop();
    });

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

    test("fail-fast options with autopipelining", async () => {
      const made = await runRecipe("Fail-fast options", server.port, {}, "redis", "cache");
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
      await server.kill();
      await closed;
      await assert.rejects(client.get("auto:0")); // at once: the server is never started while it is waited for
      await cache.close();
      client.disconnect();
      await server.start();
      if (redis.status !== "ready") await once(redis, "ready");
    });

    test("sessions in the cache alone, with connect-redis and redis", async () => {
      const app = express();
      const { client } = await runRecipe("Session store for Express in the cache alone", server.port, { app, secret }, "client");
      try {
        await visits(app, async () => {
          const keys = await redis.keys("sess:*");
          for (const key of keys) {
            assert.equal(await redis.type(key), "string");
            assert.ok((await redis.ttl(key)) > DAY_SECONDS - 600);
          }
          return keys.length;
        });
      } finally {
        (client as { destroy: () => void }).destroy();
      }
    });

    test("sessions that survive, with connect-redis and sessionClient", async () => {
      const cache = new RedisCache({ redis: { port: server.port }, namespace: "recipe", commandTimeoutMs: 5000 });
      assert.ok(await cache.ready(10_000));
      const app = express();
      await runRecipe("Session store for Express that survives", server.port, { app, secret, cache });
      await visits(app, async () => (await redis.keys("recipe:v:session:sess:*")).length);
      await cache.close();
    });

    test("a rate limiter without scripts", async () => {
      const made = await runRecipe("Rate limiter", server.port, { redis }, "allowed");
      const allowed = made.allowed as (user: string, limit: number, windowSeconds: number) => Promise<boolean>;
      const asked = await Promise.all(Array.from({ length: 12 }, () => allowed("ada", 5, DAY_SECONDS)));
      assert.deepEqual(asked, [...Array<boolean>(5).fill(true), ...Array<boolean>(7).fill(false)]);
      assert.equal(await allowed("ada", 5, DAY_SECONDS), false);
      assert.equal(await allowed("ada", 5, DAY_SECONDS / 2), true, "another window");
      assert.equal(await allowed("bob", 5, DAY_SECONDS), true);
      const keys = await redis.keys("rate:*");
      assert.equal(keys.length, 3);
      for (const key of keys) assert.ok((await redis.ttl(key)) > DAY_SECONDS / 2 - 600);
    });
  });
}
