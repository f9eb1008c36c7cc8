/**
 * entries.ts: values in the cache whose truth is elsewhere, and what makes them
 * count.
 *
 * A value is stored with the epoch and the stamp of the moment before it was
 * loaded. It counts only while both are still there, so:
 *
 * - to invalidate a value is to remove its stamp. What loads at that moment with
 *   what it read before stores a value that never counts;
 * - to invalidate all is to replace the epoch (epoch.ts).
 *
 * Invariant: a stamp is read or made before the truth is asked, never after.
 */

import type { Redis } from "ioredis";

import { decode, encode } from "./codec.js";
import { epochWord, freshWord } from "./epoch.js";
import type { EntryKeys, Keys } from "./keys.js";

/** Seconds for which a stamp is kept while its value is being loaded. */
const LOADING_SECONDS = 60;
/** Seconds for which it outlives its value. */
const STAMP_MARGIN_SECONDS = 60;

/** The moment at which a value is loaded. */
export interface Moment {
  readonly epoch: string;
  readonly stamp: string;
}

/** What a look into the cache found. */
export type Look =
  | { readonly found: true; readonly value: unknown; readonly freshUntil: number; readonly moment: Moment }
  | { readonly found: false; readonly epoch: string | undefined; readonly stamp: string | undefined };

export class Entries {
  readonly #redis: Redis;
  readonly #keys: Keys;

  constructor(redis: Redis, keys: Keys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  async look(keys: EntryKeys): Promise<Look> {
    const [storedEpoch, stamp, value] = await this.#redis.mget(this.#keys.epoch, keys.stamp, keys.value);
    const epoch = epochWord(storedEpoch);
    if (epoch !== undefined && stamp && value) {
      const [head, text] = cut(value, "\n");
      const [valueEpoch, valueStamp, freshUntil] = head.split(" ");
      if (valueEpoch === epoch && valueStamp === stamp) {
        return { found: true, value: decode(text), freshUntil: Number(freshUntil), moment: { epoch, stamp } };
      }
    }
    return { found: false, epoch, stamp: stamp ?? undefined };
  }

  /** The stamp of a value that is to be loaded, made if there is none. */
  async stamp(keys: EntryKeys): Promise<string> {
    const fresh = freshWord();
    return (await this.#redis.set(keys.stamp, fresh, "EX", LOADING_SECONDS, "NX", "GET")) ?? fresh;
  }

  /**
   * Stores what was loaded at a moment. It is fresh for freshMs, and stays for
   * staleMs more; unlock is the key of a lock to remove with it.
   */
  async fill(keys: EntryKeys, moment: Moment, value: unknown, freshMs: number, staleMs: number, unlock?: string): Promise<void> {
    const head = `${moment.epoch} ${moment.stamp} ${Date.now() + freshMs}`;
    const keptMs = freshMs + staleMs;
    const commands = this.#redis
      .pipeline()
      .set(keys.value, `${head}\n${encode(value)}`, "PX", keptMs)
      .expire(keys.stamp, Math.ceil(keptMs / 1000) + STAMP_MARGIN_SECONDS);
    if (unlock !== undefined) commands.unlink(unlock);
    for (const [error] of (await commands.exec()) ?? []) if (error) throw error;
  }

  async invalidate(keys: EntryKeys): Promise<void> {
    await this.#redis.unlink(keys.stamp, keys.value);
  }

  /** One step of the removal of all keys that match: returns the next cursor, "0" at the end, and how many values went. */
  async invalidateSome(pattern: string, cursor: string): Promise<[cursor: string, values: number]> {
    const [next, names] = await this.#redis.scan(cursor, "MATCH", pattern, "COUNT", 500);
    if (names.length > 0) await this.#redis.unlink(...names);
    const valuePrefix = `${this.#keys.namespace}:v:`;
    return [next, names.filter((name) => name.startsWith(valuePrefix)).length];
  }
}

function cut(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + separator.length)];
}
