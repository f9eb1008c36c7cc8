/** report.ts: what a chaos run has shown, in words. */

import path from "node:path";

import type { ChaosOptions, ChaosReport } from "./run.js";

const EXAMPLES = 5;

/** Whether no answer was wrong, no request hung, and none failed but while PostgreSQL was away. */
export function isSound(report: ChaosReport): boolean {
  return report.wrong.length + report.hung.length + report.failedOtherwise.length === 0;
}

export function describeReport(options: ChaosOptions, report: ChaosReport): string {
  const { requests, reads, wrong, hung, failedWithoutPostgres, failedOtherwise, times, faults, stats } = report;
  const failed = failedWithoutPostgres.length + failedOtherwise.length;
  const ms = (value: number): string => `${value.toFixed(1)} ms`;
  return [
    `${options.seconds} s, ${options.users} users, ${options.apps} processes of the application on ${path.basename(options.binary)}`,
    `requests: ${requests}, median ${ms(times.medianMs)}, 99 % ${ms(times.p99Ms)}, longest ${ms(times.longestMs)}`,
    `answers checked: ${reads}, wrong: ${wrong.length}`,
    `hung: ${hung.length}`,
    `failed: ${failed} (${((100 * failed) / Math.max(1, requests)).toFixed(3)} %), ${failedOtherwise.length} of them while PostgreSQL was there`,
    `cache: killed ${faults.killed} times, away ${faults.away} times, hung ${faults.hung} times; PostgreSQL away for ${ms(report.postgresAwayMs)}`,
    `hits ${stats.hits}, misses ${stats.misses}, past the cache ${stats.fallbacks}, epochs ${stats.epochChanges}`,
    ...[...wrong, ...[...hung, ...failedOtherwise].map((failure) => failure.what)].slice(0, EXAMPLES),
  ].join("\n");
}
