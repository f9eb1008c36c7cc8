/**
 * sessions.ts: lets connect-redis keep its sessions in a {@link RedisCache}, so
 * that they survive the loss of the cache and none is served that has ended.
 *
 * connect-redis asks its client for little: get, set and del of single keys.
 * What walks through all sessions (`all`, `ids`, `length`, `clear`) needs SCAN
 * and reports an error here.
 */

import type { Id } from "./keys.js";

/** The part of {@link RedisCache} that is used. */
export interface SessionCache {
  getUserSession(userId: Id): Promise<unknown>;
  cacheUserSession(userId: Id, data: string, ttl: number): Promise<void>;
  invalidateUserSession(userId: Id): Promise<void>;
}

/** What connect-redis takes as its client. */
export interface SessionClient {
  get(key: string): Promise<string | null>;
  set(key: string, text: string, options?: { readonly expiration?: { readonly type: string; readonly value: number } }): Promise<"OK">;
  del(keys: readonly string[]): Promise<number>;
  expire(key: string, seconds: number): Promise<never>;
}

/**
 * A client for connect-redis that keeps sessions in a cache with a store behind it.
 *
 * Use it with `disableTouch: true`: a session lives for its ttl from its last
 * change. Renewing it at every request would be a write to the store at every request.
 *
 * ```ts
 * app.use(session({ store: new RedisStore({ client: sessionClient(cache), disableTouch: true }), secret }));
 * ```
 */
export function sessionClient(cache: SessionCache): SessionClient {
  return {
    async get(key) {
      const text = await cache.getUserSession(key);
      return typeof text === "string" ? text : null;
    },
    async set(key, text, options) {
      if (options?.expiration?.type !== "EX") throw new TypeError("a session needs a ttl: leave disableTTL off");
      await cache.cacheUserSession(key, text, options.expiration.value);
      return "OK";
    },
    async del(keys) {
      await Promise.all(keys.map((key) => cache.invalidateUserSession(key)));
      return keys.length;
    },
    expire() {
      return Promise.reject(new TypeError("sessionClient needs disableTouch: true"));
    },
  };
}
