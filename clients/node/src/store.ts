/**
 * store.ts: the seam to the database that is the truth behind the cache.
 *
 * A store gives back what it was given, whole or not at all, and a write that
 * has returned is seen by every later read. It knows nothing of the cache but
 * its debts: a debt says that something was written whose copy in the cache
 * could not be removed. A write with `owed` records its debt in the same
 * transaction, so it is not lost if the process dies before the cache is back.
 */

import type { Id } from "./keys.js";

/** A value from the store, with the seconds for which the cache may keep it. */
export interface Stored<T = unknown> {
  readonly value: T;
  readonly ttl: number;
}

/** A debt as it stood when it was read. */
export interface Debt {
  readonly owner: string;
  readonly version: string;
}

/** How a write deals with the cache's copy. */
export interface WriteOptions {
  /** Names who owes the removal of the cache's copy; undefined if it can be removed now. */
  readonly owedBy?: string | undefined;
}

export interface Store {
  /** The session, unless it has expired or there is none. */
  loadSession(userId: Id): Promise<Stored | null>;
  /** Saves the session for so many seconds. */
  saveSession(userId: Id, data: unknown, ttl: number, options: WriteOptions): Promise<void>;
  deleteSession(userId: Id, options: WriteOptions): Promise<void>;

  /** The list, null if none was ever saved. */
  loadMessages(userId: Id): Promise<Stored<unknown[]> | null>;
  /** Replaces the list; ttl is for the cache only, in seconds. */
  saveMessages(userId: Id, messages: readonly unknown[], ttl: number, options: WriteOptions): Promise<void>;
  /** Appends one message; a list that is new gets the ttl. */
  addMessage(userId: Id, message: unknown, ttl: number, options: WriteOptions): Promise<void>;

  loadProfile(userId: Id): Promise<Stored | null>;
  /** Saves the profile; ttl is for the cache only, in seconds. */
  saveProfile(userId: Id, profile: unknown, ttl: number, options: WriteOptions): Promise<void>;

  /** Whether it answers. */
  ping(): Promise<void>;

  recordDebt(owner: string): Promise<void>;
  debts(): Promise<Debt[]>;
  /** Removes debts that have not been renewed since they were read. */
  clearDebts(debts: readonly Debt[]): Promise<void>;
}
