// Client-side caching: node-redis's own cache over RESP3, and the way of clients that speak RESP2, with a second
// connection that invalidations are redirected to, by ioredis.

import assert from "node:assert/strict";
import { test } from "node:test";

import IORedis from "ioredis5";
import { BasicClientSideCache, BasicPooledClientSideCache, createClient, createClientPool } from "redis";

import { eventually, plain } from "./support.mjs";

async function nodeRedis(t, options = {}) {
  const client = createClient({ socket: plain(), RESP: 3, ...options });
  client.on("error", () => {});
  await client.connect();
  t.after(() => client.destroy());
  return client;
}

function ioredis(t) {
  const client = new IORedis(plain());
  t.after(() => client.disconnect());
  return client;
}

test("node-redis: what is cached is not asked for again, and is dropped when it changes", async (t) => {
  const cache = new BasicClientSideCache({ ttl: 0, maxEntries: 0, evictPolicy: "LRU" });
  const [client, other] = [await nodeRedis(t, { clientSideCache: cache }), await nodeRedis(t)];
  await other.set("nc:a", "1");
  await other.hSet("nc:h", { f: "v" });
  assert.equal(await client.get("nc:a"), "1");
  assert.equal(await client.get("nc:a"), "1");
  assert.equal(await client.get("nc:none"), null);
  assert.deepEqual({ ...(await client.hGetAll("nc:h")) }, { f: "v" });
  assert.deepEqual({ ...(await client.hGetAll("nc:h")) }, { f: "v" });
  assert.equal(cache.stats().hitCount, 2);
  assert.equal(cache.stats().missCount, 3);

  const changed = async (what, change, probe) => {
    await change();
    await eventually(probe, what);
  };
  await changed("SET", () => other.set("nc:a", "2"), async () => (await client.get("nc:a")) === "2");
  await changed("a key that was not there", () => other.set("nc:none", "x"), async () => (await client.get("nc:none")) === "x");
  await changed("a field", () => other.hSet("nc:h", "f", "w"), async () => (await client.hGet("nc:h", "f")) === "w");
  await changed("its own change", () => client.set("nc:a", "3"), async () => (await client.get("nc:a")) === "3");
  await changed("RENAME", () => other.rename("nc:a", "nc:b"), async () => (await client.get("nc:a")) === null);
  await changed("expiry", () => other.set("nc:a", "4", { PX: 20 }), async () => (await client.get("nc:a")) === "4");
  await changed("the end of its life", () => {}, async () => (await client.get("nc:a")) === null);
  await changed("FLUSHDB", () => other.flushDb(), async () => (await client.get("nc:none")) === null);
  await changed("MULTI", () => other.multi().set("nc:a", "5").incr("nc:a").exec(), async () => (await client.get("nc:a")) === "6");
});

test("node-redis: a pool with one cache", async (t) => {
  const cache = new BasicPooledClientSideCache();
  const pool = createClientPool({ socket: plain(), RESP: 3 }, { minimum: 2, clientSideCache: cache });
  pool.on("error", () => {});
  await pool.connect();
  t.after(() => pool.destroy());
  const other = await nodeRedis(t);
  for (let i = 0; i < 20; i++) {
    await other.set("np:k", String(i));
    await eventually(async () => (await pool.get("np:k")) === String(i), `change ${i}`);
  }
});

test("node-redis: a cache under load ends up true", async (t) => {
  const cache = new BasicClientSideCache({ maxEntries: 0 });
  const [client, other] = [await nodeRedis(t, { clientSideCache: cache }), await nodeRedis(t)];
  const keys = Array.from({ length: 20 }, (_, i) => `nl:${i}`);
  for (let round = 0; round < 100; round++) {
    await Promise.all([
      ...keys.map((key) => client.get(key)),
      ...keys.filter((_, i) => (i + round) % 3 === 0).map((key) => other.set(key, String(round))),
    ]);
  }
  await client.ping();
  for (const key of keys) {
    assert.equal(await client.get(key), await other.get(key));
  }
  assert.ok(cache.stats().hitCount > 0);
});

// A cache as applications write it over ioredis, which speaks RESP2.
class RedirectedCache {
  values = new Map();
  asked = new Set();
  flushes = 0;

  constructor(client, ear) {
    this.client = client;
    this.ear = ear;
  }

  async start(...options) {
    const id = await this.ear.client("ID");
    this.ear.on("message", (channel, keys) => {
      assert.equal(channel, "__redis__:invalidate");
      this.drop(keys);
    });
    await this.ear.subscribe("__redis__:invalidate");
    assert.equal(await this.client.call("CLIENT", "TRACKING", "ON", "REDIRECT", id, ...options), "OK");
    assert.equal(await this.client.call("CLIENT", "GETREDIR"), id);
  }

  drop(keys) {
    if (keys === null) {
      this.values.clear();
      this.asked.clear();
      this.flushes++;
      return;
    }
    for (const key of [keys].flat().flatMap((k) => String(k).split(","))) { // ioredis makes a text of a list
      this.values.delete(key);
      this.asked.delete(key);
    }
  }

  async get(key) {
    if (this.values.has(key)) return this.values.get(key);
    this.asked.add(key);
    const value = await this.client.get(key);
    if (this.asked.delete(key)) this.values.set(key, value); // else it has changed since
    return value;
  }
}

for (const options of [[], ["NOLOOP"], ["BCAST", "PREFIX", "ir:"]]) {
  test(`ioredis: invalidations on a connection of their own ${options}`, async (t) => {
    const [client, ear, other] = [ioredis(t), ioredis(t), ioredis(t)];
    const cache = new RedirectedCache(client, ear);
    await cache.start(...options);
    for (let i = 0; i < 20; i++) {
      await other.set("ir:k", i);
      await eventually(async () => (await cache.get("ir:k")) === String(i), `change ${i}`);
      assert.equal(await cache.get("ir:k"), String(i));
    }
    assert.ok(cache.values.has("ir:k"));
    await other.del("ir:k");
    await eventually(async () => (await cache.get("ir:k")) === null, "DEL");
    await ear.disconnect();
    await eventually(async () => {
      await other.incr("ir:k");
      await client.get("ir:k");
      return String(await client.call("CLIENT", "TRACKINGINFO")).includes("broken_redirect");
    }, "it is noticed that nobody listens any more");
  });
}
