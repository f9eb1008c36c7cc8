/**
 * faults.ts: what happens to the cache and to PostgreSQL during a chaos run.
 *
 * The cache dies and is restarted by its service manager, stays away for a
 * while, or hangs, one of these at a time and each as often as the others.
 * PostgreSQL is restarted once, whatever the cache does at that moment.
 */

import { once } from "node:events";
import { setTimeout as wait } from "node:timers/promises";

import type { RespiteService } from "../src/service.js";
import type { Postgres } from "../test/support/postgres.js";
import { eventually } from "../test/support/servers.js";
import { between, pause, shuffled } from "./random.js";

const RESTART_LIMIT_MS = 120_000;
const AWAY_MS = [200, 4000] as const;
const HANG_MS = [100, 1500] as const;
const POSTGRES_AWAY_MS = [200, 1500] as const;

export interface FaultCounts {
  killed: number;
  away: number;
  hung: number;
}

export class CacheFaults {
  readonly #service: RespiteService;
  readonly counts: FaultCounts = { killed: 0, away: 0, hung: 0 };

  constructor(service: RespiteService) {
    this.#service = service;
  }

  /** Until it is over, with pauses of meanPauseMs on average; the cache runs when it returns. */
  async run(isOver: () => boolean, meanPauseMs: number): Promise<void> {
    for (;;) {
      for (const fault of shuffled([() => this.#kill(), () => this.#takeAway(), () => this.#hang()])) {
        await pause(meanPauseMs * 0.2, meanPauseMs * 1.8);
        if (isOver()) return;
        await fault();
      }
    }
  }

  async #kill(): Promise<void> {
    this.counts.killed++;
    const { restarts } = this.#service;
    process.kill(this.#service.pid!, "SIGKILL");
    const isBack = (): boolean => this.#service.restarts > restarts && this.#service.state === "running";
    await eventually(isBack, "the service manager restarts the cache", RESTART_LIMIT_MS);
  }

  async #takeAway(): Promise<void> {
    this.counts.away++;
    const died = once(this.#service, "died");
    process.kill(this.#service.pid!, "SIGKILL");
    await died;
    await this.#service.stop(); // else it would come back at once
    await pause(...AWAY_MS);
    await this.#service.start();
  }

  async #hang(): Promise<void> {
    this.counts.hung++;
    process.kill(this.#service.pid!, "SIGSTOP");
    try {
      await pause(...HANG_MS);
    } finally {
      process.kill(this.#service.pid!, "SIGCONT");
    }
  }
}

/** Restarts PostgreSQL; returns from when to when it was away, by `performance.now()`. */
export async function restartPostgres(postgres: Postgres): Promise<{ from: number; to: number }> {
  const from = performance.now();
  await postgres.suspend();
  await wait(between(...POSTGRES_AWAY_MS));
  await postgres.resume();
  return { from, to: performance.now() };
}
