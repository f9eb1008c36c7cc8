/**
 * run.ts: the chaos run. Virtual users use the example application while its
 * cache dies, hangs and comes back, and PostgreSQL is restarted once; every read
 * is compared with what its user has written.
 *
 * There are several processes of the application, which share cache and
 * database. Each user stays with one, as behind a load balancer that keeps
 * sessions: another process may see a change up to a second late.
 */

import { setTimeout as wait } from "node:timers/promises";

import type { CacheStats } from "../src/index.js";
import { RespiteService } from "../src/service.js";
import { Example } from "../test/support/example.js";
import { Postgres } from "../test/support/postgres.js";
import { eventually, freePort } from "../test/support/servers.js";
import { CacheFaults, restartPostgres, type FaultCounts } from "./faults.js";
import { Outcomes, type Failure } from "./http.js";
import { User } from "./user.js";

const LONGEST_MEAN_PAUSE_MS = 4000; // between two faults of the cache
const FAULTS_AT_LEAST = 8;
const TAIL_CHARACTERS = 2000;
const SETTLE_LIMIT_MS = 60_000;
const POSTGRES_GRACE_MS = 2000; // after its restart, in which a request may still meet an old connection

export interface ChaosOptions {
  readonly seconds: number;
  readonly users: number;
  /** Processes of the application. */
  readonly apps: number;
  /** The cache's server. */
  readonly binary: string;
}

export interface ChaosReport {
  readonly requests: number;
  /** Answers that were compared with what was written. */
  readonly reads: number;
  /** Answers that were something else, told. */
  readonly wrong: readonly string[];
  readonly hung: readonly Failure[];
  /** Requests that failed while PostgreSQL was restarted: there is nothing to fall back to. */
  readonly failedWithoutPostgres: readonly Failure[];
  /** Requests that failed at any other time. */
  readonly failedOtherwise: readonly Failure[];
  readonly times: { readonly medianMs: number; readonly p99Ms: number; readonly longestMs: number };
  readonly faults: FaultCounts;
  readonly postgresAwayMs: number;
  /** Of all processes of the application. */
  readonly stats: Pick<CacheStats, "hits" | "misses" | "fallbacks" | "epochChanges">;
}

export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const ends: (() => Promise<unknown>)[] = [];
  try {
    const postgres = await Postgres.start();
    ends.push(() => postgres.stop());
    const service = new RespiteService({
      binary: options.binary, port: await freePort(), args: ["--save", ""], longestPauseMs: 1000, soundAfterMs: 1000,
    }); // prettier-ignore
    ends.push(() => service.stop());
    await service.start();
    const apps: Example[] = [];
    for (let n = 0; n < options.apps; n++) {
      const app = await Example.start("--redis", `redis://127.0.0.1:${service.port}`, "--postgres", postgres.url);
      ends.push(() => app.stop());
      apps.push(app);
    }
    return await loadAndBreak(options, postgres, service, apps);
  } finally {
    for (const end of ends.reverse()) await end();
  }
}

async function loadAndBreak(options: ChaosOptions, postgres: Postgres, service: RespiteService, apps: Example[]): Promise<ChaosReport> {
  const outcomes = new Outcomes();
  const users = Array.from({ length: options.users }, (_, n) => new User(`user-${n}`, apps[n % apps.length]!.url, outcomes));
  const faults = new CacheFaults(service);
  const lastMs = options.seconds * 1000;
  const end = performance.now() + lastMs;
  const isOver = (): boolean => performance.now() >= end;
  const [away] = await Promise.all([
    wait(lastMs / 2).then(() => restartPostgres(postgres)),
    faults.run(isOver, Math.min(LONGEST_MEAN_PAUSE_MS, lastMs / FAULTS_AT_LEAST)),
    ...users.map((user) => user.live(isOver)),
  ]);
  for (const app of apps) if (app.hasEnded) throw new Error(`the application ended: ${app.output.slice(-TAIL_CHARACTERS)}`);
  await checkHitsAgain(users, apps);
  const until = away.to + POSTGRES_GRACE_MS;
  const isExplained = (failure: Failure): boolean => failure.ended >= away.from && failure.begun <= until;
  return {
    requests: outcomes.times.length,
    reads: users.reduce((sum, user) => sum + user.reads, 0),
    wrong: users.flatMap((user) => user.wrong),
    hung: outcomes.hung,
    failedWithoutPostgres: outcomes.failures.filter(isExplained),
    failedOtherwise: outcomes.failures.filter((failure) => !isExplained(failure)),
    times: figures(outcomes.times),
    faults: faults.counts,
    postgresAwayMs: away.to - away.from,
    stats: await statsOf(apps),
  };
}

/** After all faults: every user finds what must be there, from the cache before long. */
async function checkHitsAgain(users: readonly User[], apps: readonly Example[]): Promise<void> {
  const { hits } = await statsOf(apps);
  for (const user of users) await eventually(() => user.checkAll(), "everything can be read", SETTLE_LIMIT_MS);
  const areHit = async (): Promise<boolean> => {
    await Promise.all(users.map((user) => user.checkAll()));
    return (await statsOf(apps)).hits > hits + users.length;
  };
  await eventually(areHit, "the cache is hit again", SETTLE_LIMIT_MS);
}

async function statsOf(apps: readonly Example[]): Promise<ChaosReport["stats"]> {
  const sum = { hits: 0, misses: 0, fallbacks: 0, epochChanges: 0 };
  for (const app of apps) {
    const { stats } = (await (await fetch(`${app.url}/api/status`)).json()) as { stats: CacheStats };
    for (const name of Object.keys(sum) as (keyof typeof sum)[]) sum[name] += stats[name];
  }
  return sum;
}

function figures(times: readonly number[]): ChaosReport["times"] {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.floor((sorted.length - 1) * share)] ?? 0;
  return { medianMs: at(0.5), p99Ms: at(0.99), longestMs: at(1) };
}
