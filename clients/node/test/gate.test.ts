// The gate, with a clock that only the test moves and a cache that answers when
// the test says so: how long a request may wait, and when a dead cache is asked.

import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { test, type TestContext } from "node:test";

import type { Redis } from "ioredis";

import { CacheUnavailableError, CommandTimeoutError } from "../src/errors.js";
import { Gate } from "../src/gate.js";

const TIMEOUT_MS = 40;
const FAILURES = 3;

/** A connection whose PINGs wait until they are answered, and a gate in front of it. */
class Rig extends EventEmitter {
  status = "ready";
  pings: { at: number; answer: () => void }[] = [];
  hangs = false;
  verified = 0;
  readonly gate: Gate;

  constructor(private readonly t: TestContext) {
    super();
    t.mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"] });
    this.gate = new Gate(this as unknown as Redis, () => this.#verify(), {
      commandTimeoutMs: TIMEOUT_MS,
      probeTimeoutMs: 1000,
      failuresToOpen: FAILURES,
    });
    t.after(() => {
      this.gate.close();
    });
  }

  #verify(): Promise<void> {
    this.verified++;
    return Promise.resolve();
  }

  async ping(): Promise<void> {
    return new Promise((answer) => {
      this.pings.push({ at: Date.now(), answer });
      if (!this.hangs) answer();
    });
  }

  disconnect(): void {
    this.emit("close");
  }

  /** Lets the clock go on, and whatever follows from that happen. */
  async pass(ms: number): Promise<void> {
    for (let n = 0; n < ms; n++) {
      this.t.mock.timers.tick(1);
      for (let turns = 0; turns < 5; turns++) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** How many milliseconds a call takes that the cache never answers. */
  async refusal(): Promise<number> {
    const begun = Date.now();
    const refused = assert.rejects(this.gate.run(() => new Promise(() => undefined)), CommandTimeoutError).then(() => Date.now() - begun);
    await this.pass(2 * TIMEOUT_MS);
    return refused;
  }
}

test("the calls of one request to a cache that hangs wait for 40 ms in all, and for 10 more to invalidate", async (t) => {
  const rig = new Rig(t);
  await rig.pass(25);
  assert.equal(rig.gate.usable, true);
  rig.hangs = true;
  assert.equal(await rig.refusal(), TIMEOUT_MS);
  for (let n = 0; n < 2; n++) {
    await assert.rejects(rig.gate.run(() => assert.fail("a dead cache was asked")), CacheUnavailableError);
  }
  assert.equal(rig.gate.usable, false);
  const begun = Date.now();
  const write = assert.rejects(rig.gate.deliver(() => new Promise(() => undefined)), CommandTimeoutError);
  await rig.pass(10);
  await write;
  assert.equal(Date.now() - begun, 10, "an invalidation of the same request");
  await assert.rejects(rig.gate.deliver(() => assert.fail("a dead cache was asked")), CacheUnavailableError);
});

test("a single command that was late costs one probe", async (t) => {
  const rig = new Rig(t);
  await rig.pass(25);
  const { verified } = rig;
  assert.equal(await rig.refusal(), TIMEOUT_MS);
  await rig.pass(1);
  assert.equal(rig.gate.usable, true);
  assert.equal(rig.verified, verified, "a PING is enough");
});

test("an answer in time is passed on, and so is an error, which shuts nothing", async (t) => {
  const rig = new Rig(t);
  await rig.pass(25);
  assert.equal(await rig.gate.run(() => Promise.resolve(5)), 5);
  await assert.rejects(rig.gate.run(() => Promise.reject(new Error("WRONGTYPE"))), /WRONGTYPE/);
  assert.equal(rig.gate.usable, true);
});

test("failures in a row open the breaker; half open, it lets one probe through, and pauses grow to a second", async (t) => {
  const rig = new Rig(t);
  await rig.pass(25);
  rig.hangs = true;
  rig.pings = [];
  const fail = (): Promise<unknown> => rig.gate.run(() => Promise.reject(new CommandTimeoutError("late")));
  await Promise.all(Array.from({ length: FAILURES }, () => assert.rejects(fail()))); // at once, or the first would shut the gate
  await rig.pass(20_000); // each probe takes its whole second
  const pauses = rig.pings.slice(1).map(({ at }, n) => at - rig.pings[n]!.at - 1000);
  t.diagnostic(`pauses between probes: ${pauses.join(", ")} ms`);
  assert.ok(pauses.every((pause) => pause >= 0), "two probes at once");
  assert.ok(Math.max(...pauses) > 500 && Math.max(...pauses) <= 1000 + 25, "pauses do not grow");
  rig.hangs = false;
  rig.pings.at(-1)!.answer();
  const { verified } = rig;
  await rig.pass(1100);
  assert.equal(rig.gate.usable, true);
  assert.equal(rig.verified, verified + 1);
});

test("a lost connection is not used again before it was verified", async (t) => {
  const rig = new Rig(t);
  await rig.pass(25);
  const { verified } = rig;
  rig.emit("close");
  assert.equal(rig.gate.usable, false);
  assert.equal(rig.gate.deliverable, false);
  rig.emit("ready");
  await rig.pass(1);
  assert.equal(rig.gate.usable, true);
  assert.equal(rig.verified, verified + 1);
});
