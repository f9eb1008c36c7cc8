/**
 * queries.ts: results of queries, with protection against stampedes.
 *
 * Who misses takes a lock in the cache and looks once more, since another may have
 * loaded before the lock was free; its owner alone loads. The others look
 * again until the result is there, the lock is free (its owner failed, or the
 * result was invalidated while it loaded) or the time is up; then they load
 * themselves. A result that has expired but is still there is handed out while
 * the owner of the lock loads in the background. Requests of one process share
 * one wait or load, and still do when there is no cache.
 *
 * There are no scripts, so a lock is removed only while its time has clearly not
 * passed: afterwards it may be another's.
 */

import type { Redis } from "ioredis";

import type { Entries, Look, Moment } from "./entries.js";
import { freshWord } from "./epoch.js";
import type { Gate } from "./gate.js";
import type { EntryKeys } from "./keys.js";
import type { Counters } from "./stats.js";
import { jittered } from "./volatility.js";

const FIRST_WAIT_MS = 10;
const LONGEST_WAIT_MS = 100;
const LOCK_MARGIN_MS = 500; // before the end of a lock in which it is left to expire

type Loader = () => Promise<unknown>;

/** Seconds. */
interface Lifetime {
  readonly ttl: number;
  readonly stale: number;
}

interface QueriesOptions {
  readonly lockMs: number;
  readonly look: (keys: EntryKeys) => Promise<Look | undefined>;
  readonly inBackground: (work: Promise<unknown>) => void;
}

export class Queries {
  readonly #redis: Redis;
  readonly #gate: Gate;
  readonly #entries: Entries;
  readonly #counters: Counters;
  readonly #options: QueriesOptions;
  // Loads and waits that run in this process, by value key and moment; without a moment while the cache is down.
  readonly #running = new Map<string, Promise<unknown>>();

  constructor(redis: Redis, gate: Gate, entries: Entries, counters: Counters, options: QueriesOptions) {
    this.#redis = redis;
    this.#gate = gate;
    this.#entries = entries;
    this.#counters = counters;
    this.#options = options;
  }

  async get(keys: EntryKeys, lifetime: Lifetime, loader: Loader): Promise<unknown> {
    const look = await this.#options.look(keys);
    if (look?.found) {
      this.#counters.hits++;
      if (look.freshUntil <= Date.now()) this.#refresh(keys, look.moment, lifetime, loader);
      return look.value;
    }
    if (look?.epoch === undefined) {
      this.#counters.fallbacks++;
      return this.#shared(keys.value, () => this.#load(loader));
    }
    this.#counters.misses++;
    const moment = await this.#momentOf(keys, look.epoch, look.stamp);
    if (!moment) return this.#shared(keys.value, () => this.#load(loader));
    return this.#shared(nameOf(keys, moment), () => this.#loadOrWait(keys, moment, lifetime, loader));
  }

  /** Nobody joins from now on what runs without the cache: of one key, or of all that begin with prefix after the kind. */
  forget(valueKey: string, prefix?: string): void {
    const root = prefix === undefined ? undefined : valueKey.slice(0, -"query:".length) + prefix;
    for (const name of this.#running.keys()) {
      if (name === valueKey || (root !== undefined && name.startsWith(root))) this.#running.delete(name);
    }
  }

  async #momentOf(keys: EntryKeys, epoch: string, stamp: string | undefined): Promise<Moment | undefined> {
    try {
      return { epoch, stamp: stamp ?? (await this.#gate.run(() => this.#entries.stamp(keys))) };
    } catch {
      return undefined;
    }
  }

  async #shared(name: string, work: () => Promise<unknown>): Promise<unknown> {
    const running = this.#running.get(name);
    if (running) {
      this.#counters.coalesced++;
      return running;
    }
    const begun = work().finally(() => {
      if (this.#running.get(name) === begun) this.#running.delete(name);
    });
    this.#running.set(name, begun);
    return begun;
  }

  #refresh(keys: EntryKeys, moment: Moment, lifetime: Lifetime, loader: Loader): void {
    this.#counters.staleHits++;
    const name = nameOf(keys, moment);
    if (this.#running.has(name)) return;
    const work = async (): Promise<void> => {
      const locked = Date.now();
      if (await this.#lock(keys)) await this.#loadLocked(keys, moment, lifetime, loader, locked);
    };
    this.#options.inBackground(this.#shared(name, work));
  }

  async #loadOrWait(keys: EntryKeys, moment: Moment, lifetime: Lifetime, loader: Loader): Promise<unknown> {
    const deadline = Date.now() + this.#options.lockMs;
    let current: Moment | undefined = moment;
    for (let pause = FIRST_WAIT_MS; ; pause = Math.min(pause * 2, LONGEST_WAIT_MS)) {
      const locked = Date.now();
      if (current && (await this.#lock(keys))) return this.#loadLocked(keys, current, lifetime, loader, locked);
      if (!current || Date.now() >= deadline) return this.#load(loader);
      this.#counters.waits++;
      await new Promise((resolve) => setTimeout(resolve, pause * (0.5 + Math.random() / 2)));
      const look = await this.#options.look(keys);
      if (look?.found) return look.value;
      current = look?.epoch === undefined ? undefined : await this.#momentOf(keys, look.epoch, look.stamp);
    }
  }

  /** Whether this process is the one to load now. */
  async #lock(keys: EntryKeys): Promise<boolean> {
    try {
      return (await this.#gate.run(() => this.#redis.set(keys.lock, freshWord(), "PX", this.#options.lockMs, "NX"))) === "OK";
    } catch {
      return false;
    }
  }

  /** Loads as the owner of the lock, unless another has done so since the caller looked. */
  async #loadLocked(keys: EntryKeys, moment: Moment, lifetime: Lifetime, loader: Loader, locked: number): Promise<unknown> {
    const unlock = (): string | undefined =>
      Date.now() - locked < this.#options.lockMs - LOCK_MARGIN_MS ? keys.lock : undefined;
    try {
      const look = await this.#options.look(keys);
      if (look?.found && look.freshUntil > Date.now()) {
        this.#unlock(unlock());
        return look.value;
      }
      const value = await this.#load(loader);
      const fresh = jittered(lifetime.ttl);
      this.#options.inBackground(
        this.#gate.run(() => this.#entries.fill(keys, moment, value, fresh, lifetime.stale * 1000, unlock())),
      );
      this.#counters.fills++;
      return value;
    } catch (error) {
      this.#unlock(unlock());
      throw error;
    }
  }

  #unlock(lock: string | undefined): void {
    if (lock !== undefined) this.#options.inBackground(this.#gate.run(() => this.#redis.unlink(lock)));
  }

  async #load(loader: Loader): Promise<unknown> {
    this.#counters.loads++;
    return loader();
  }
}

function nameOf(keys: EntryKeys, moment: Moment): string {
  return `${keys.value} ${moment.epoch} ${moment.stamp}`;
}
