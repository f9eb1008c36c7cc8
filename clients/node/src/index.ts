/**
 * The cache service for Node.js: {@link RedisCache} on any Redis-compatible
 * server, and {@link PostgresStore} for the database behind it. The server
 * itself is run by `respite-cache/service`.
 *
 * @module respite-cache
 */

export {
  DEFAULT_TTL,
  FAIL_FAST,
  RedisCache,
  type CacheHealth,
  type CacheTypes,
  type QueryOptions,
  type RedisCacheOptions,
} from "./cache.js";
export { CodecError, decode, encode } from "./codec.js";
export { CacheUnavailableError, CommandTimeoutError } from "./errors.js";
export type { GateState } from "./gate.js";
export type { Id } from "./keys.js";
export { PostgresStore, type PgClient, type PgPool, type PgQueryable, type PostgresStoreOptions } from "./postgres.js";
export { sessionClient, type SessionCache, type SessionClient } from "./sessions.js";
export type { CacheStats } from "./stats.js";
export type { Debt, Store, Stored, WriteOptions } from "./store.js";
export { VOLATILITY, type Ttl, type Volatility } from "./volatility.js";
