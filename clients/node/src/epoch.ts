/**
 * epoch.ts: makes everything in the cache invalid at once when it may be out of
 * date, in one command, for all processes of the application.
 *
 * The epoch is a random word in the cache. A cached value names the epoch in
 * which it was loaded, and counts only while that is still the epoch. Before a
 * process uses the cache, after every connection, it verifies the epoch, and
 * replaces it if
 *
 * - the server is another process than the one that the epoch was made on: it
 *   may have come back with an old snapshot;
 * - this process, or any that left a debt in the store, failed to remove a
 *   value that it had changed.
 */

import { randomBytes } from "node:crypto";

import type { Redis } from "ioredis";

import type { Keys } from "./keys.js";
import type { Store } from "./store.js";

const WORD_BYTES = 9; // 72 random bits: 12 characters

/** A word that nobody has used before. */
export function freshWord(): string {
  return randomBytes(WORD_BYTES).toString("base64url");
}

/** The word of an epoch as it is stored, undefined if it is not one. */
export function epochWord(stored: string | null | undefined): string | undefined {
  return stored?.split(" ", 1)[0];
}

export class Epoch {
  readonly #redis: Redis;
  readonly #keys: Keys;
  readonly #store: Store | undefined;
  #owed = 0; // removals that failed
  #paid = 0; // as many as the epoch has been replaced for
  changes = 0;

  constructor(redis: Redis, keys: Keys, store: Store | undefined) {
    this.#redis = redis;
    this.#keys = keys;
    this.#store = store;
  }

  /** A value could not be removed: the next verification must replace the epoch. */
  owe(): void {
    this.#owed++;
  }

  /** Makes sure that nothing outdated counts. If it throws, the cache must not be used. */
  async verify(): Promise<void> {
    const owed = this.#owed;
    const [debts, info, stored] = await Promise.all([
      this.#store?.debts() ?? [],
      this.#redis.info("server"),
      this.#redis.get(this.#keys.epoch),
    ]);
    const server = /^run_id:(\S+)/m.exec(info)?.[1] ?? "unknown";
    if (stored?.split(" ")[1] !== server || owed > this.#paid || debts.length > 0) {
      await this.#redis.set(this.#keys.epoch, `${freshWord()} ${server}`);
      this.changes++;
      this.#paid = Math.max(this.#paid, owed);
      if (debts.length > 0) await this.#store?.clearDebts(debts);
    }
  }
}
