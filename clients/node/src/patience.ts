/**
 * patience.ts: waits for a PostgreSQL that restarts, instead of failing.
 *
 * What failed since the server was away is done again until it is back or the
 * time is up. Whether that is allowed is for the caller to know: a statement
 * whose answer was lost may have been carried out.
 */

import { ExponentialBackoff, handleWhen, retry } from "cockatiel";

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 250;

/** What Node.js says of a server that nobody runs, or whose connection broke. */
const SYSTEM_CODES = new Set(["ECONNREFUSED", "ECONNRESET", "EPIPE", "ENOENT"]);
/** PostgreSQL's admin_shutdown, crash_shutdown and cannot_connect_now (appendix A of its manual). */
const SQL_STATES = new Set(["57P01", "57P02", "57P03"]);
/** pg's own errors of a connection that was lost have no code. */
const LOST = /^Connection terminated|is not queryable$/;

/** Whether an error says that the server was away, rather than anything of the statement. */
export function isAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = error as { code?: unknown };
  return typeof code === "string" ? SYSTEM_CODES.has(code) || SQL_STATES.has(code) : LOST.test(error.message);
}

/** Repeats work while it fails for want of a server and mayRepeat holds, for so many milliseconds at most. */
export async function patiently<T>(limitMs: number, work: () => Promise<T>, mayRepeat = (): boolean => true): Promise<T> {
  const deadline = performance.now() + limitMs;
  const repeats = handleWhen((error) => isAway(error) && mayRepeat() && performance.now() < deadline);
  return retry(repeats, { backoff: new ExponentialBackoff({ initialDelay: FIRST_PAUSE_MS, maxDelay: LONGEST_PAUSE_MS }) }).execute(work);
}
