/** random.ts: chance, in the forms in which the chaos run needs it. */

import { setTimeout as wait } from "node:timers/promises";

/** A number of from to to. */
export function between(from: number, to: number): number {
  return from + Math.random() * (to - from);
}

/** Waits for some milliseconds of from to to. */
export async function pause(from: number, to: number): Promise<void> {
  await wait(between(from, to));
}

/** All items in an order of chance. */
export function shuffled<T>(items: readonly T[]): T[] {
  return items.map((item) => ({ item, at: Math.random() })).sort((a, b) => a.at - b.at).map(({ item }) => item);
}
