/**
 * postgres.ts: the store on PostgreSQL, through the application's own `pg` pool.
 *
 * Values are columns of type json, not jsonb: json keeps the text that the codec
 * wrote, byte for byte, while jsonb refuses some strings that JavaScript has.
 *
 * Invariants: every write locks the row of what it changes first and the debt
 * of its process last, so writes cannot wait for each other in a circle; a
 * message list is changed only under the lock of its row in message_lists, so
 * its messages are in the order in which they were committed; what is repeated
 * after a restart of the server either was not committed or leaves the same when
 * it is done twice.
 */

import { decode, encode } from "./codec.js";
import type { Id } from "./keys.js";
import { migrations } from "./migrations.js";
import { patiently } from "./patience.js";
import type { Debt, Store, Stored, WriteOptions } from "./store.js";

/** The part of `pg`'s Pool that is used. */
export interface PgPool extends PgQueryable {
  connect(callback: (error: Error | undefined, client: PgClient | undefined) => void): void;
}

/** The part of `pg`'s PoolClient that is used. */
export interface PgClient extends PgQueryable {
  on(event: "error", listener: (error: Error) => void): this;
  off(event: "error", listener: (error: Error) => void): this;
  release(error?: Error | boolean): void;
}

export interface PgQueryable {
  query(text: string, values?: unknown[]): Promise<{ rows: Record<string, unknown>[] }>;
}

export interface PostgresStoreOptions {
  /** The PostgreSQL schema of the tables; default `respite`. */
  readonly schema?: string;
  /** Milliseconds for which reads and writes wait for a server that restarts before they fail; default 5,000. */
  readonly restartMs?: number;
}

/** How a transaction is to be run. */
interface TransactionOptions extends WriteOptions {
  /** That it must not be repeated once it may have been committed. */
  readonly once?: boolean;
}

export class PostgresStore implements Store {
  readonly #pool: PgPool;
  readonly #schema: string;
  readonly #restartMs: number;

  constructor(pool: PgPool, options: PostgresStoreOptions = {}) {
    this.#pool = pool;
    this.#schema = options.schema ?? "respite";
    this.#restartMs = options.restartMs ?? 5000;
    if (!/^[a-z_][a-z0-9_]*$/.test(this.#schema)) {
      throw new TypeError(`schema ${JSON.stringify(this.#schema)}: lower-case letters, digits and underscores only`);
    }
  }

  /** Creates or updates the tables. Any number of processes may call it at once, at every start. */
  async migrate(): Promise<void> {
    const s = this.#schema;
    await this.#transaction({}, async (client) => {
      await client.query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", [`respite-cache migrations of ${s}`]);
      await client.query(`CREATE SCHEMA IF NOT EXISTS ${s}`);
      await client.query(`CREATE TABLE IF NOT EXISTS ${s}.migrations (
        version integer PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())`);
      const { rows } = await client.query(`SELECT coalesce(max(version), 0) AS version FROM ${s}.migrations`);
      const done = Number(rows[0]!["version"]);
      for (const [index, migration] of migrations.slice(done).entries()) {
        await client.query(migration(s));
        await client.query(`INSERT INTO ${s}.migrations (version) VALUES ($1)`, [done + index + 1]);
      }
    });
  }

  async loadSession(userId: Id): Promise<Stored | null> {
    return this.#load(
      `SELECT data::text AS value, floor(extract(epoch FROM expires_at - now())) AS ttl
       FROM ${this.#schema}.sessions WHERE user_id = $1 AND expires_at > now()`,
      userId,
    );
  }

  async saveSession(userId: Id, data: unknown, ttl: number, options: WriteOptions): Promise<void> {
    await this.#write(
      `INSERT INTO ${this.#schema}.sessions (user_id, data, expires_at)
       VALUES ($1, $2, now() + make_interval(secs => $3))
       ON CONFLICT (user_id) DO UPDATE SET data = excluded.data, expires_at = excluded.expires_at, updated_at = now()`,
      [String(userId), encode(data), ttl],
      options,
    );
  }

  async deleteSession(userId: Id, options: WriteOptions): Promise<void> {
    await this.#write(`DELETE FROM ${this.#schema}.sessions WHERE user_id = $1`, [String(userId)], options);
  }

  /** Removes sessions that have expired, which reads ignore already. Returns how many. */
  async deleteExpiredSessions(): Promise<number> {
    const rows = await this.#query(
      `WITH gone AS (DELETE FROM ${this.#schema}.sessions WHERE expires_at <= now() RETURNING 1)
       SELECT count(*) AS count FROM gone`,
      [],
    );
    return Number(rows[0]!["count"]);
  }

  async loadMessages(userId: Id): Promise<Stored<unknown[]> | null> {
    const s = this.#schema;
    const rows = await this.#query(
      `SELECT cache_seconds AS ttl,
         ARRAY(SELECT body::text FROM ${s}.messages m WHERE m.user_id = l.user_id ORDER BY id) AS bodies
       FROM ${s}.message_lists l WHERE user_id = $1`,
      [String(userId)],
    );
    const row = rows[0];
    return row ? { value: (row["bodies"] as string[]).map(decode), ttl: Number(row["ttl"]) } : null;
  }

  async saveMessages(userId: Id, messages: readonly unknown[], ttl: number, options: WriteOptions): Promise<void> {
    const s = this.#schema;
    const id = String(userId);
    const bodies = messages.map(encode);
    await this.#transaction(options, async (client) => {
      await client.query(
        `INSERT INTO ${s}.message_lists (user_id, cache_seconds) VALUES ($1, $2)
         ON CONFLICT (user_id) DO UPDATE SET cache_seconds = excluded.cache_seconds`,
        [id, ttl],
      );
      await client.query(`DELETE FROM ${s}.messages WHERE user_id = $1`, [id]);
      await client.query(
        `INSERT INTO ${s}.messages (user_id, body)
         SELECT $1, body::json FROM unnest($2::text[]) WITH ORDINALITY AS list (body, place) ORDER BY place`,
        [id, bodies],
      );
    });
  }

  async addMessage(userId: Id, message: unknown, ttl: number, options: WriteOptions): Promise<void> {
    const s = this.#schema;
    await this.#transaction({ ...options, once: true }, async (client) => {
      await client.query(
        `INSERT INTO ${s}.message_lists AS l (user_id, cache_seconds) VALUES ($1, $2)
         ON CONFLICT (user_id) DO UPDATE SET cache_seconds = l.cache_seconds`,
        [String(userId), ttl],
      );
      await client.query(`INSERT INTO ${s}.messages (user_id, body) VALUES ($1, $2)`, [String(userId), encode(message)]);
    });
  }

  async loadProfile(userId: Id): Promise<Stored | null> {
    return this.#load(
      `SELECT data::text AS value, cache_seconds AS ttl FROM ${this.#schema}.profiles WHERE user_id = $1`,
      userId,
    );
  }

  async saveProfile(userId: Id, profile: unknown, ttl: number, options: WriteOptions): Promise<void> {
    await this.#write(
      `INSERT INTO ${this.#schema}.profiles (user_id, data, cache_seconds) VALUES ($1, $2, $3)
       ON CONFLICT (user_id) DO UPDATE
       SET data = excluded.data, cache_seconds = excluded.cache_seconds, updated_at = now()`,
      [String(userId), encode(profile), ttl],
      options,
    );
  }

  async ping(): Promise<void> {
    await this.#pool.query("SELECT 1");
  }

  async recordDebt(owner: string): Promise<void> {
    await this.#query(this.#debtStatement, [owner]);
  }

  async debts(): Promise<Debt[]> {
    const { rows } = await this.#pool.query(`SELECT owner, version::text AS version FROM ${this.#schema}.cache_debts`);
    return rows.map((row) => ({ owner: row["owner"] as string, version: row["version"] as string }));
  }

  async clearDebts(debts: readonly Debt[]): Promise<void> {
    await this.#pool.query(
      `DELETE FROM ${this.#schema}.cache_debts d
       USING unnest($1::text[], $2::bigint[]) AS read (owner, version)
       WHERE d.owner = read.owner AND d.version = read.version`,
      [debts.map((debt) => debt.owner), debts.map((debt) => debt.version)],
    );
  }

  async #load(statement: string, userId: Id): Promise<Stored | null> {
    const rows = await this.#query(statement, [String(userId)]);
    const row = rows[0];
    return row ? { value: decode(row["value"] as string), ttl: Number(row["ttl"]) } : null;
  }

  /** Runs a statement that replaces or removes something, together with its debt if there is one. */
  async #write(statement: string, values: unknown[], options: WriteOptions): Promise<void> {
    if (options.owedBy === undefined) await this.#query(statement, values);
    else await this.#transaction(options, (client) => client.query(statement, values));
  }

  /** Runs a statement that leaves the same when it is done twice. */
  async #query(statement: string, values: unknown[]): Promise<Record<string, unknown>[]> {
    return patiently(this.#restartMs, async () => (await this.#pool.query(statement, values)).rows);
  }

  // A new version each time, so that whoever settles the debt that it read leaves a later one alone.
  get #debtStatement(): string {
    return `INSERT INTO ${this.#schema}.cache_debts (owner) VALUES ($1)
      ON CONFLICT (owner) DO UPDATE SET version = excluded.version, since = now()`;
  }

  async #transaction({ owedBy, once }: TransactionOptions, work: (client: PgClient) => Promise<unknown>): Promise<void> {
    let committing = false;
    const attempt = async (): Promise<void> => {
      committing = false;
      const client = await this.#acquire();
      let failure: Error | undefined;
      try {
        await client.query("BEGIN");
        await work(client);
        if (owedBy !== undefined) await client.query(this.#debtStatement, [owedBy]);
        committing = true;
        await client.query("COMMIT");
      } catch (error) {
        failure = error as Error;
        throw error;
      } finally {
        // A connection that failed is closed, which rolls back, rather than asked to.
        client.release(failure);
        client.off("error", ignore);
      }
    };
    await patiently(this.#restartMs, attempt, () => once !== true || !committing);
  }

  /**
   * A connection of the pool whose loss is ignored: the next statement tells it.
   *
   * The loss is an event, which ends the process if nobody listens, and the pool
   * listens only to idle connections. The callback, unlike a promise, leaves no
   * moment between the two.
   */
  async #acquire(): Promise<PgClient> {
    return new Promise((resolve, reject) => {
      this.#pool.connect((error, client) => {
        if (client) resolve(client.on("error", ignore));
        else reject(error ?? new Error("no connection"));
      });
    });
  }
}

const ignore = (): void => undefined;
