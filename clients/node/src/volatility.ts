/** volatility.ts: how long a value is kept, by how soon it changes. */

/**
 * How volatile data is, for those who do not want to think in seconds:
 *
 * | name | seconds | for example |
 * |---|---|---|
 * | `realtime` | 5 | counters on a dashboard, who is online |
 * | `volatile` | 30 | search results, feeds |
 * | `normal` | 300 | lists that users edit |
 * | `slow` | 3,600 | catalogues, settings |
 * | `static` | 86,400 | countries, translations |
 */
export const VOLATILITY = { realtime: 5, volatile: 30, normal: 300, slow: 3600, static: 86_400 } as const;
export type Volatility = keyof typeof VOLATILITY;

/** Seconds, or a name for them. */
export type Ttl = number | Volatility;

/** Part of a query's time to live by which it is made shorter at random, so that what was loaded at once does not expire at once. */
const JITTER = 0.1;

/** @throws RangeError unless it is a whole number of seconds, 1 at least. */
export function seconds(ttl: Ttl): number {
  const value = typeof ttl === "number" ? ttl : VOLATILITY[ttl];
  if (!Number.isSafeInteger(value) || value < 1) throw new RangeError(`ttl ${String(ttl)}: whole seconds, 1 at least`);
  return value;
}

/** Milliseconds for so many seconds, up to a tenth fewer. */
export function jittered(ttlSeconds: number): number {
  return Math.max(1, Math.round(ttlSeconds * 1000 * (1 - JITTER * Math.random())));
}
