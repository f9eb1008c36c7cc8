/**
 * keys.ts: the names of everything that the package stores in the cache.
 *
 * A key is `NAMESPACE:ROLE:KIND:ID`. The role says what the key holds: `v` a
 * value, `s` the stamp that makes a value valid, `l` the lock of whoever loads
 * it. One key of the namespace has no kind: its epoch.
 *
 * Invariant: a namespace has no colon, a kind is one of {@link KINDS}, so no two
 * pairs of kind and id share a key, whatever an id contains.
 */

/** What can be cached. */
export const KINDS = ["session", "messages", "profile", "query"] as const;
export type Kind = (typeof KINDS)[number];

/** An identifier as the application has it; 17 and "17" are the same. */
export type Id = string | number | bigint;

/** The keys of one cached thing. */
export interface EntryKeys {
  readonly value: string;
  readonly stamp: string;
  readonly lock: string;
}

export class Keys {
  /** Names what makes all values of the namespace valid. */
  readonly epoch: string;

  constructor(readonly namespace: string) {
    if (!/^[\w.-]+$/.test(namespace)) {
      throw new TypeError(`namespace ${JSON.stringify(namespace)}: letters, digits, dots, hyphens and underscores only`);
    }
    this.epoch = `${namespace}:epoch`;
  }

  of(kind: Kind, id: Id): EntryKeys {
    const tail = `${kind}:${String(id)}`;
    return {
      value: `${this.namespace}:v:${tail}`,
      stamp: `${this.namespace}:s:${tail}`,
      lock: `${this.namespace}:l:${tail}`,
    };
  }

  /** The SCAN pattern of all values and stamps whose `KIND:ID` begins with prefix. */
  pattern(prefix: string): string {
    return `${escapeGlob(this.namespace)}:[sv]:${escapeGlob(prefix)}*`;
  }
}

function escapeGlob(text: string): string {
  return text.replace(/[\\*?[\]^-]/g, "\\$&");
}
