/**
 * cache.ts: what an application calls.
 *
 * With a store, the store is the truth: writes go there first and then remove
 * the cached copy, reads fill the cache on a miss and go to the store directly
 * while the cache is down. Without one, sessions, messages and profiles live in
 * the cache alone. Results of queries always have their loader as the truth.
 *
 * Invariants: a request waits for at most one unanswered cache command before
 * it goes on without the cache; a copy that could not be removed shuts the gate
 * until the epoch is replaced.
 */

import { randomUUID } from "node:crypto";

import { Redis, type RedisOptions } from "ioredis";

import { decode, encode } from "./codec.js";
import { Entries, type Look, type Moment } from "./entries.js";
import { Epoch } from "./epoch.js";
import { CacheUnavailableError } from "./errors.js";
import { Gate, type GateState } from "./gate.js";
import { Keys, type EntryKeys, type Id, type Kind } from "./keys.js";
import { Queries } from "./queries.js";
import { Counters, type CacheStats } from "./stats.js";
import type { Store, Stored } from "./store.js";
import { seconds, type Ttl } from "./volatility.js";

/** Seconds for which things are kept if the caller does not say. */
export const DEFAULT_TTL = { session: 3600, messages: 300, profile: 1800 } as const;

const DEBT_POLL_MS = 1000; // how soon a process notices what another could not remove
const SCAN_TIMEOUT_FACTOR = 25; // steps of a scan are long, and nobody's page waits for them

/** The types of what the application caches. */
export interface CacheTypes {
  session: unknown;
  message: unknown;
  profile: unknown;
}

export interface RedisCacheOptions {
  /** Where the cache is: a URL, ioredis options, or a client that the application keeps. Default 127.0.0.1:6379. */
  readonly redis?: string | RedisOptions | Redis | undefined;
  /** The database behind the cache. */
  readonly store?: Store;
  /** Begins every key; applications that share a cache need different ones. Default `app`. */
  readonly namespace?: string;
  /** Milliseconds that a request waits for the cache at most. Default 40. */
  readonly commandTimeoutMs?: number;
  /** Milliseconds that a background check of the cache may take. Default 1,000. */
  readonly probeTimeoutMs?: number;
  /** Failures in a row after which requests stop trying the cache. Default 3. */
  readonly failuresToOpen?: number;
  /** Seconds for which the result of a query is still handed out after its ttl, while somebody loads it anew. Default 60. */
  readonly staleSeconds?: number;
  /** Milliseconds after which others stop waiting for the one who loads a query. Default 10,000. */
  readonly lockMs?: number;
  /** Hears of errors that requests were spared. */
  readonly onError?: (error: Error) => void;
}

export interface CacheHealth {
  /** `degraded` is without cache but with the store. */
  readonly status: "up" | "degraded" | "down";
  readonly cache: {
    readonly state: GateState;
    /** Of a PING, in milliseconds; null if there was no answer. */
    readonly latencyMs: number | null;
    readonly version: string | null;
    readonly connectedClients: number | null;
    readonly usedMemoryBytes: number | null;
    readonly lastError: string | null;
  };
  /** Null if there is no store. */
  readonly store: { readonly up: boolean; readonly latencyMs: number | null; readonly lastError: string | null } | null;
}

/** ioredis options with which no request ever waits for a dead server. */
export const FAIL_FAST = {
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  connectTimeout: 1000,
  retryStrategy: (times: number): number => Math.min(50 * times, 500),
  enableAutoPipelining: true,
} satisfies RedisOptions;

/** Options of {@link RedisCache.cacheQuery}. */
export interface QueryOptions {
  /** Overrides the cache's `staleSeconds`. */
  readonly staleSeconds?: number;
}

export class RedisCache<T extends CacheTypes = CacheTypes> {
  /** The client. For other uses of the same server; keys of the cache's namespace are the cache's own. */
  readonly redis: Redis;
  readonly #ownsRedis: boolean;
  readonly #store: Store | undefined;
  readonly #keys: Keys;
  readonly #epoch: Epoch;
  readonly #gate: Gate;
  readonly #entries: Entries;
  readonly #queries: Queries;
  readonly #counters = new Counters();
  readonly #onError: ((error: Error) => void) | undefined;
  readonly #owner = randomUUID();
  readonly #loads = new Map<string, Promise<Stored | null>>();
  readonly #background = new Set<Promise<void>>();
  readonly #debtTimer: NodeJS.Timeout;
  readonly #staleSeconds: number;
  readonly #scanTimeoutMs: number;
  #lastError: Error | undefined;

  /** Returns at once; the connection is made in the background. */
  constructor(options: RedisCacheOptions = {}) {
    const commandTimeoutMs = options.commandTimeoutMs ?? 40;
    this.#ownsRedis = !isClient(options.redis);
    this.redis = connect(options.redis);
    this.redis.on("error", this.#hear);
    this.#store = options.store;
    this.#onError = options.onError;
    this.#staleSeconds = options.staleSeconds ?? 60;
    this.#scanTimeoutMs = commandTimeoutMs * SCAN_TIMEOUT_FACTOR;
    this.#keys = new Keys(options.namespace ?? "app");
    this.#epoch = new Epoch(this.redis, this.#keys, this.#store);
    this.#gate = new Gate(this.redis, () => this.#epoch.verify(), {
      commandTimeoutMs,
      probeTimeoutMs: options.probeTimeoutMs ?? 1000,
      failuresToOpen: options.failuresToOpen ?? 3,
    });
    this.#entries = new Entries(this.redis, this.#keys);
    this.#queries = new Queries(this.redis, this.#gate, this.#entries, this.#counters, {
      lockMs: options.lockMs ?? 10_000,
      look: (keys) => this.#look(keys),
      inBackground: (work) => {
        this.#inBackground(work);
      },
    });
    this.#debtTimer = setInterval(() => {
      this.#inBackground(this.#noticeDebts());
    }, DEBT_POLL_MS).unref();
    if (this.redis.status === "wait") this.#inBackground(this.redis.connect());
  }

  // Sessions

  /** Saves a session for ttl seconds. */
  async cacheUserSession(userId: Id, data: T["session"], ttl: Ttl = DEFAULT_TTL.session): Promise<void> {
    const keys = this.#keys.of("session", userId);
    const store = this.#store;
    if (!store) return this.#put(keys, data, ttl);
    await this.#change(keys, (owedBy) => store.saveSession(userId, data, seconds(ttl), { owedBy }));
  }

  /** The session, null if there is none or it has expired. */
  async getUserSession(userId: Id): Promise<T["session"] | null> {
    return this.#get("session", userId, this.#store && ((store) => store.loadSession(userId)));
  }

  /** Ends a session, in the store too. */
  async invalidateUserSession(userId: Id): Promise<void> {
    const keys = this.#keys.of("session", userId);
    const store = this.#store;
    if (!store) return this.#remove(keys);
    await this.#change(keys, (owedBy) => store.deleteSession(userId, { owedBy }));
  }

  // Messages

  /** Replaces a user's list of messages; cached for ttl seconds. */
  async cacheMessages(userId: Id, messages: readonly T["message"][], ttl: Ttl = DEFAULT_TTL.messages): Promise<void> {
    const keys = this.#keys.of("messages", userId);
    const store = this.#store;
    if (!store) return this.#put(keys, messages, ttl);
    await this.#change(keys, (owedBy) => store.saveMessages(userId, messages, seconds(ttl), { owedBy }));
  }

  /**
   * Appends a message to a user's list in the store; a list that is new is cached for ttl seconds.
   *
   * @throws TypeError without a store: the cache alone cannot append safely.
   */
  async addMessage(userId: Id, message: T["message"], ttl: Ttl = DEFAULT_TTL.messages): Promise<void> {
    const store = this.#store;
    if (!store) throw new TypeError("addMessage needs a store");
    const keys = this.#keys.of("messages", userId);
    await this.#change(keys, (owedBy) => store.addMessage(userId, message, seconds(ttl), { owedBy }));
  }

  /** The messages, oldest first; null if no list was ever saved or, without a store, it is not cached. */
  async getCachedMessages(userId: Id): Promise<T["message"][] | null> {
    return this.#get<T["message"][]>("messages", userId, this.#store && ((store) => store.loadMessages(userId)));
  }

  /** Removes the cached copy; the store keeps its messages. */
  async invalidateMessages(userId: Id): Promise<void> {
    await this.#invalidate("messages", userId);
  }

  // Profiles

  /** Saves a profile; cached for ttl seconds. */
  async cacheUserProfile(userId: Id, profile: T["profile"], ttl: Ttl = DEFAULT_TTL.profile): Promise<void> {
    const keys = this.#keys.of("profile", userId);
    const store = this.#store;
    if (!store) return this.#put(keys, profile, ttl);
    await this.#change(keys, (owedBy) => store.saveProfile(userId, profile, seconds(ttl), { owedBy }));
  }

  /** The profile, null if there is none or, without a store, it is not cached. */
  async getUserProfile(userId: Id): Promise<T["profile"] | null> {
    return this.#get("profile", userId, this.#store && ((store) => store.loadProfile(userId)));
  }

  /** Removes the cached copy; the store keeps the profile. */
  async invalidateUserProfile(userId: Id): Promise<void> {
    await this.#invalidate("profile", userId);
  }

  // Queries

  /**
   * The result of a query, from the cache for ttl seconds, else from its loader.
   *
   * Of all processes one at a time runs the loader. Meanwhile the others get the
   * last result if it has only just expired, or wait. What the loader throws is
   * thrown here and not cached; null is cached.
   *
   * @param ttl seconds, or how volatile the data is (see {@link VOLATILITY}); up to a tenth is taken off at random
   */
  async cacheQuery<R>(key: string, ttl: Ttl, loader: () => Promise<R>, options: QueryOptions = {}): Promise<R> {
    const lifetime = { ttl: seconds(ttl), stale: options.staleSeconds ?? this.#staleSeconds };
    return (await this.#queries.get(this.#keys.of("query", key), lifetime, loader)) as R;
  }

  /** Removes the result of one query. */
  async invalidateQuery(key: string): Promise<void> {
    await this.#invalidate("query", key);
  }

  // All kinds

  /**
   * Removes everything cached whose kind and id begin with prefix, such as
   * `query:report:` or `profile:`. The store keeps what it has. Returns how many
   * values went; if the cache is down, 0, and nothing cached counts afterwards.
   *
   * It walks through all keys of the server, in steps that let others in between.
   */
  async invalidatePrefix(prefix: string): Promise<number> {
    const pattern = this.#keys.pattern(prefix);
    let removed = 0;
    let cursor = "0";
    try {
      do {
        const [next, values] = await this.#gate.deliver(() => this.#entries.invalidateSome(pattern, cursor), this.#scanTimeoutMs);
        cursor = next;
        removed += values;
      } while (cursor !== "0");
    } catch (error) {
      await this.#failedToRemove(error as Error, false);
    }
    this.#queries.forget(this.#keys.of("query", "").value, prefix);
    this.#counters.invalidations += removed;
    return removed;
  }

  /** Asks cache and store; never throws, and takes no longer than the timeouts. */
  async health(): Promise<CacheHealth> {
    const [cache, store] = await Promise.all([this.#cacheHealth(), this.#storeHealth()]);
    const status = cache.state === "up" ? "up" : store?.up ? "degraded" : "down";
    return { status, cache, store };
  }

  /** What this process has done since it started. */
  stats(): CacheStats {
    return this.#counters.read(this.#gate.state, this.#epoch.changes);
  }

  /** Whether requests use the cache at this moment. */
  get usable(): boolean {
    return this.#gate.usable;
  }

  /** Resolves when the cache can be used; false if that was not so within timeoutMs. For tests and start-up checks: requests need not wait. */
  async ready(timeoutMs: number): Promise<boolean> {
    const deadline = Date.now() + timeoutMs;
    while (!this.#gate.usable && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 5));
    return this.#gate.usable;
  }

  /** Finishes what runs in the background and closes the connection, unless the application made it. */
  async close(): Promise<void> {
    clearInterval(this.#debtTimer);
    await Promise.all(this.#background);
    this.#gate.close();
    this.redis.off("error", this.#hear);
    if (!this.#ownsRedis) return;
    this.redis.on("error", () => undefined); // of a connection that is being given up
    this.redis.disconnect();
  }

  // What has a store

  async #get<V>(kind: Kind, id: Id, load: ((store: Store) => Promise<Stored | null>) | undefined): Promise<V | null> {
    const keys = this.#keys.of(kind, id);
    const store = this.#store;
    if (!load || !store) return (await this.#getOnly(keys)) as V | null;
    const look = await this.#look(keys);
    if (look?.found) {
      this.#counters.hits++;
      return look.value as V;
    }
    const stored = look ? await this.#loadAndFill(keys, look, () => load(store)) : await this.#fallBack(() => load(store));
    return (stored?.value ?? null) as V | null;
  }

  async #fallBack(load: () => Promise<Stored | null>): Promise<Stored | null> {
    this.#counters.fallbacks++;
    this.#counters.loads++;
    return load();
  }

  /** Joins a load of the same moment, or starts one. A load from before an invalidation has another stamp, and nobody joins it. */
  async #loadAndFill(keys: EntryKeys, look: Look & { found: false }, load: () => Promise<Stored | null>): Promise<Stored | null> {
    this.#counters.misses++;
    const moment = await this.#momentOf(keys, look);
    if (!moment) return this.#fallBack(load);
    const name = `${keys.value} ${moment.epoch} ${moment.stamp}`;
    const running = this.#loads.get(name);
    if (running) {
      this.#counters.coalesced++;
      return running;
    }
    this.#counters.loads++;
    const loading = load().finally(() => this.#loads.delete(name));
    this.#loads.set(name, loading);
    const stored = await loading;
    if (stored && stored.ttl >= 1) {
      this.#inBackground(this.#gate.run(() => this.#entries.fill(keys, moment, stored.value, stored.ttl * 1000, 0)));
      this.#counters.fills++;
    }
    return stored;
  }

  async #momentOf(keys: EntryKeys, look: Look & { found: false }): Promise<Moment | undefined> {
    if (look.epoch === undefined) return undefined;
    try {
      const stamp = look.stamp ?? (await this.#gate.run(() => this.#entries.stamp(keys)));
      return { epoch: look.epoch, stamp };
    } catch (error) {
      this.#hear(error as Error);
      return undefined;
    }
  }

  /** Undefined if the cache cannot be asked. */
  async #look(keys: EntryKeys): Promise<Look | undefined> {
    if (!this.#gate.usable) return undefined;
    try {
      const look = await this.#gate.run(() => this.#entries.look(keys));
      if (!look.found && look.epoch === undefined) this.#gate.doubt(); // somebody emptied the cache
      return look;
    } catch (error) {
      this.#hear(error as Error);
      return undefined;
    }
  }

  /** Writes to the store, then removes the cached copy. If that cannot be, the write carries a debt. */
  async #change(keys: EntryKeys, write: (owedBy: string | undefined) => Promise<void>): Promise<void> {
    const owedBy = this.#gate.deliverable ? undefined : this.#owner;
    try {
      await write(owedBy);
    } catch (error) {
      await this.#removeCopy(keys, false); // what failed on the way back may have been committed all the same
      throw error;
    }
    await this.#removeCopy(keys, owedBy !== undefined);
  }

  async #invalidate(kind: Kind, id: Id): Promise<void> {
    const keys = this.#keys.of(kind, id);
    this.#queries.forget(keys.value);
    if (kind !== "query" && !this.#store) return this.#remove(keys);
    await this.#removeCopy(keys, false);
  }

  async #removeCopy(keys: EntryKeys, recorded: boolean): Promise<void> {
    try {
      await this.#gate.deliver(() => this.#entries.invalidate(keys));
      this.#counters.invalidations++;
    } catch (error) {
      await this.#failedToRemove(error as Error, recorded);
    }
  }

  /** What the cache holds is out of date: nothing of it counts until the epoch is replaced. */
  async #failedToRemove(error: Error, recorded: boolean): Promise<void> {
    this.#epoch.owe();
    this.#gate.doubt();
    this.#hear(error);
    if (recorded) return; // by the write, in its transaction
    try {
      await this.#store?.recordDebt(this.#owner);
    } catch (failure) {
      this.#hear(failure as Error); // this process still remembers
    }
  }

  async #noticeDebts(): Promise<void> {
    if (!this.#store || !this.#gate.usable) return;
    if ((await this.#store.debts()).length > 0) this.#gate.doubt();
  }

  // What has none

  async #put(keys: EntryKeys, value: unknown, ttl: Ttl): Promise<void> {
    const text = encode(value);
    const ttlSeconds = seconds(ttl);
    await this.#must(() => this.redis.set(keys.value, text, "EX", ttlSeconds));
    this.#counters.fills++;
  }

  async #remove(keys: EntryKeys): Promise<void> {
    await this.#must(() => this.redis.unlink(keys.value));
    this.#counters.invalidations++;
  }

  async #getOnly(keys: EntryKeys): Promise<unknown> {
    if (!this.#gate.usable) {
      this.#counters.fallbacks++;
      return null;
    }
    try {
      const text = await this.#gate.run(() => this.redis.get(keys.value));
      if (text === null) {
        this.#counters.misses++;
        return null;
      }
      this.#counters.hits++;
      return decode(text);
    } catch (error) {
      this.#hear(error as Error);
      return null;
    }
  }

  async #must<R>(command: () => Promise<R>): Promise<R> {
    try {
      return await this.#gate.run(command);
    } catch (error) {
      this.#hear(error as Error);
      throw error instanceof CacheUnavailableError
        ? error
        : new CacheUnavailableError(`the cache failed: ${(error as Error).message}`, { cause: error });
    }
  }

  // Health and background

  async #cacheHealth(): Promise<CacheHealth["cache"]> {
    const unknown = { latencyMs: null, version: null, connectedClients: null, usedMemoryBytes: null };
    try {
      const begun = performance.now();
      await this.#gate.run(() => this.redis.ping());
      const latencyMs = performance.now() - begun;
      const info = await this.#gate.run(() => this.redis.info());
      const field = (name: string): string | null => new RegExp(`^${name}:(\\S+)`, "m").exec(info)?.[1] ?? null;
      const number = (name: string): number | null => (field(name) === null ? null : Number(field(name)));
      return {
        state: this.#gate.state,
        latencyMs,
        version: field("respite_version") ?? field("redis_version"),
        connectedClients: number("connected_clients"),
        usedMemoryBytes: number("used_memory"),
        lastError: this.#lastError?.message ?? null,
      };
    } catch (error) {
      const lastError = (error instanceof CacheUnavailableError ? this.#lastError : (error as Error))?.message ?? null;
      return { state: this.#gate.state === "up" ? "down" : this.#gate.state, ...unknown, lastError };
    }
  }

  async #storeHealth(): Promise<CacheHealth["store"]> {
    if (!this.#store) return null;
    const begun = performance.now();
    try {
      await this.#store.ping();
      return { up: true, latencyMs: performance.now() - begun, lastError: null };
    } catch (error) {
      return { up: false, latencyMs: null, lastError: (error as Error).message };
    }
  }

  #inBackground(work: Promise<unknown>): void {
    const done = work.then(() => undefined, this.#hear).finally(() => this.#background.delete(done));
    this.#background.add(done);
  }

  readonly #hear = (error: Error): void => {
    if (error instanceof CacheUnavailableError) return; // says nothing new
    this.#counters.errors++;
    this.#lastError = error;
    this.#onError?.(error);
  };
}

/** Also of a client from another copy of ioredis than the package's own. */
function isClient(redis: RedisCacheOptions["redis"]): redis is Redis {
  return typeof redis === "object" && "mget" in redis;
}

function connect(redis: RedisCacheOptions["redis"]): Redis {
  if (isClient(redis)) return redis;
  if (typeof redis === "string") return new Redis(redis, FAIL_FAST);
  return new Redis({ host: "127.0.0.1", ...FAIL_FAST, ...redis, replyMapping: "legacy" });
}
