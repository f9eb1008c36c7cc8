// connect-redis on a RedisCache: what it asks of its client, and what is refused.

import assert from "node:assert/strict";
import { test } from "node:test";

import { RedisStore } from "connect-redis";
import type { SessionData } from "express-session";

import { sessionClient } from "../src/index.js";

/** Remembers sessions and their ttl, as a cache with a store would. */
class Sessions {
  readonly kept = new Map<string, { data: string; ttl: number }>();
  getUserSession(id: unknown): Promise<unknown> {
    return Promise.resolve(this.kept.get(String(id))?.data ?? null);
  }
  cacheUserSession(id: unknown, data: string, ttl: number): Promise<void> {
    this.kept.set(String(id), { data, ttl });
    return Promise.resolve();
  }
  invalidateUserSession(id: unknown): Promise<void> {
    this.kept.delete(String(id));
    return Promise.resolve();
  }
}

const session = { cookie: { originalMaxAge: null }, user: "ada" } as unknown as SessionData;

test("connect-redis saves, reads and ends sessions", async () => {
  const sessions = new Sessions();
  const store = new RedisStore({ client: sessionClient(sessions), ttl: 60, disableTouch: true });
  assert.equal(await store.get("s1"), null);
  await store.set("s1", session);
  assert.equal(sessions.kept.get("sess:s1")?.ttl, 60);
  assert.deepEqual(await store.get("s1"), session);
  await store.touch("s1", session); // nothing to do
  await store.destroy("s1");
  assert.equal(await store.get("s1"), null);
});

test("what would keep a session for ever, or write at every request, is refused", async () => {
  const client = sessionClient(new Sessions());
  await assert.rejects(new RedisStore({ client, disableTTL: true }).set("s1", session), /disableTTL/);
  await assert.rejects(new RedisStore({ client }).touch("s1", session), /disableTouch/);
  await assert.rejects(new RedisStore({ client }).all());
});

test("something else under the key is no session", async () => {
  const sessions = new Sessions();
  sessions.getUserSession = () => Promise.resolve({ not: "text" });
  assert.equal(await sessionClient(sessions).get("sess:s1"), null);
});
