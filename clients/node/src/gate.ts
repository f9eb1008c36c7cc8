/**
 * gate.ts: decides whether a request may use the cache, without ever waiting for
 * a dead one.
 *
 * Four things must hold: the connection is ready, the circuit breaker is closed,
 * nothing that was asked has stayed unanswered since the last answer to a probe,
 * and there is no doubt about what the cache holds. A doubt arises when a
 * connection is lost or an invalidation could not be delivered, and ends with a
 * verification that began after it. Requests are never the probe: while the gate
 * is shut they are refused at once, and probes run in the background, by the
 * breaker's half-open rule with growing intervals.
 *
 * One late answer shuts the gate until a PING is answered, so that a request with
 * several calls waits for one of them; three make it a matter of the breaker.
 *
 * Invalidations pass as soon as a probe was answered, before the gate is open.
 * If they did not, every write during a verification would be a new doubt, and
 * under a steady load of writes the gate would never open.
 *
 * Invariant: `usable` is computed from those four in one synchronous step, so
 * no command is sent between a doubt and its end.
 */

import { BrokenCircuitError, CircuitState, ConsecutiveBreaker, ExponentialBackoff, circuitBreaker, handleAll } from "cockatiel";
import type { Redis } from "ioredis";

import { CacheUnavailableError, CommandTimeoutError } from "./errors.js";

const FIRST_PROBE_MS = 50; // after the breaker opened
const SLOWEST_PROBE_MS = 1000; // between two probes of a cache that is long dead
const TICK_MS = 25; // how often it is looked whether a probe is due
const SUSPECTED_SHARE = 1 / 4; // of its time, that an invalidation has if the request may have waited already
const PROBES_PER_CONNECTION = 4; // that may fail before the connection is taken for dead

/** Limits of a {@link Gate}. */
export interface GateOptions {
  /** Milliseconds that one command may take before its caller goes on without it. */
  readonly commandTimeoutMs: number;
  /** Milliseconds that a verification may take. */
  readonly probeTimeoutMs: number;
  /** Failures in a row after which the breaker opens. */
  readonly failuresToOpen: number;
}

export type GateState = "up" | "down" | "probing";

export class Gate {
  readonly #redis: Redis;
  readonly #options: GateOptions;
  readonly #verify: () => Promise<void>;
  readonly #breaker;
  readonly #timer: NodeJS.Timeout;
  #doubts = 1; // counts them; the first is that nothing is known yet
  #settled = 0; // as many doubts as the last verification has settled
  #suspected = false; // a command was not answered in time, and no probe was answered since
  #answering = false; // a probe was answered, and nothing has failed since
  #probing = false;
  #failedProbes = 0;
  #closed = false;

  constructor(redis: Redis, verify: () => Promise<void>, options: GateOptions) {
    this.#redis = redis;
    this.#verify = verify;
    this.#options = options;
    this.#breaker = circuitBreaker(handleAll, {
      breaker: new ConsecutiveBreaker(options.failuresToOpen),
      halfOpenAfter: new ExponentialBackoff({ initialDelay: FIRST_PROBE_MS, maxDelay: SLOWEST_PROBE_MS }),
    });
    this.#breaker.onBreak(() => {
      this.#answering = false;
    });
    redis.on("close", this.#onClose);
    redis.on("ready", this.#onReady);
    this.#timer = setInterval(() => void this.#probe(), TICK_MS).unref();
  }

  get usable(): boolean {
    return (
      this.#redis.status === "ready" &&
      this.#breaker.state === CircuitState.Closed &&
      this.#settled === this.#doubts &&
      !this.#suspected &&
      !this.#closed
    );
  }

  /** Whether invalidations can be delivered, which is earlier than `usable`. */
  get deliverable(): boolean {
    return this.#redis.status === "ready" && this.#answering && !this.#closed;
  }

  get state(): GateState {
    if (this.usable) return "up";
    return this.#probing ? "probing" : "down";
  }

  /**
   * Runs a command, and gives up on it in time.
   *
   * @throws CacheUnavailableError at once if the cache is not usable.
   */
  async run<T>(command: () => Promise<T>, timeoutMs = this.#options.commandTimeoutMs): Promise<T> {
    if (!this.usable) throw new CacheUnavailableError("the cache is down");
    try {
      return await this.#breaker.execute(() => inTime(command(), timeoutMs));
    } catch (error) {
      if (error instanceof CommandTimeoutError) this.#suspect();
      throw error;
    }
  }

  /**
   * Runs a command that makes the cache forget something. If it fails, the caller must raise a doubt.
   *
   * @throws CacheUnavailableError at once if it cannot be delivered.
   */
  async deliver<T>(command: () => Promise<T>, timeoutMs = this.#options.commandTimeoutMs): Promise<T> {
    if (!this.deliverable) throw new CacheUnavailableError("the cache is down");
    const begun = (): Promise<T> => inTime(command(), this.#suspected ? timeoutMs * SUSPECTED_SHARE : timeoutMs);
    try {
      // A breaker that is half open would make it wait for the probe.
      return await (this.#breaker.state === CircuitState.Closed ? this.#breaker.execute(begun) : begun());
    } catch (error) {
      this.#answering = false;
      throw error;
    }
  }

  /** What the cache holds is uncertain from now on, until it is verified. */
  doubt(): void {
    this.#doubts++;
    void this.#probe();
  }

  #suspect(): void {
    this.#suspected = true;
    void this.#probe();
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
    this.#redis.off("close", this.#onClose);
    this.#redis.off("ready", this.#onReady);
  }

  readonly #onClose = (): void => {
    this.#doubts++;
    this.#answering = false;
    this.#failedProbes = 0;
  };

  readonly #onReady = (): void => void this.#probe();

  async #probe(): Promise<void> {
    if (this.#closed || this.#probing || this.usable || this.#redis.status !== "ready") return;
    this.#probing = true;
    const settles = this.#doubts;
    const mustVerify = settles !== this.#settled || this.#breaker.state !== CircuitState.Closed;
    try {
      await this.#breaker.execute(async () => {
        await inTime(this.#redis.ping(), this.#options.probeTimeoutMs);
        this.#answering = true;
        if (mustVerify) await inTime(this.#verify(), this.#options.probeTimeoutMs);
      });
      this.#settled = settles;
      this.#suspected = false;
      this.#failedProbes = 0;
    } catch (error) {
      if (!(error instanceof BrokenCircuitError)) this.#probeFailed();
    } finally {
      this.#probing = false;
    }
  }

  // Packets that vanish leave a connection that looks sound for many minutes.
  #probeFailed(): void {
    this.#answering = false;
    if (++this.#failedProbes < PROBES_PER_CONNECTION) return;
    this.#failedProbes = 0;
    this.#redis.disconnect(true);
  }
}

/**
 * Fails if the promise is not settled in so many milliseconds. When the process
 * itself was held up, timers are due before the replies that have arrived
 * meanwhile are read, so the replies get one more turn.
 */
async function inTime<T>(promise: Promise<T>, ms: number): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const late = (): void => {
      reject(new CommandTimeoutError(`no answer in ${ms} ms`));
    };
    const timer = setTimeout(() => setImmediate(() => setImmediate(late)), ms);
    void promise.then(resolve, reject).finally(() => {
      clearTimeout(timer);
    });
  });
}
