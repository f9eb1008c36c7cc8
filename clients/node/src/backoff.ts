/** backoff.ts: pauses between restarts that grow, and shrink again on request. */

import { ExponentialBackoff, type IBackoff } from "cockatiel";

/** Cockatiel's decorrelated jitter, without the policy around it. */
export class DecorrelatedJitterBackoff {
  readonly #factory: ExponentialBackoff<unknown>;
  #current: IBackoff<unknown> | undefined;

  /** Pauses of first to longest milliseconds. */
  constructor(first: number, longest: number) {
    this.#factory = new ExponentialBackoff({ initialDelay: first, maxDelay: longest });
  }

  /** The next pause, in milliseconds. */
  next(): number {
    this.#current = this.#current ? this.#current.next(undefined) : this.#factory.next();
    return this.#current.duration;
  }

  /** Pauses begin small again. */
  reset(): void {
    this.#current = undefined;
  }
}
