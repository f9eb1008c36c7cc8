/** latencies.ts: how long the last requests took, and how many have failed. */

import type { RequestHandler } from "express";

const KEPT = 200;

export interface RequestFigures {
  readonly count: number;
  /** Answered with a status of 500 or above. */
  readonly failed: number;
  /** Of the last 200, in milliseconds; null before the first. */
  readonly medianMs: number | null;
  readonly p95Ms: number | null;
}

export class Latencies {
  readonly #last: number[] = [];
  #count = 0;
  #failed = 0;

  readonly measure: RequestHandler = (_req, res, next) => {
    const begun = performance.now();
    res.once("finish", () => {
      this.#last[this.#count++ % KEPT] = performance.now() - begun;
      if (res.statusCode >= 500) this.#failed++;
    });
    next();
  };

  read(): RequestFigures {
    const sorted = [...this.#last].sort((a, b) => a - b);
    const at = (share: number): number | null => sorted[Math.floor((sorted.length - 1) * share)] ?? null;
    return { count: this.#count, failed: this.#failed, medianMs: at(0.5), p95Ms: at(0.95) };
  }
}
