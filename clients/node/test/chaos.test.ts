// A short chaos run (RESPITE_CHAOS_SECONDS, default 10): `npm run chaos` is the long one.

import assert from "node:assert/strict";
import { test } from "node:test";

import { describeReport, isSound } from "../chaos/report.js";
import { runChaos } from "../chaos/run.js";
import { targets } from "./support/servers.js";

const SECONDS = Number(process.env["RESPITE_CHAOS_SECONDS"] ?? 10);

for (const target of targets()) {
  test(`${SECONDS} s of chaos with ${target.name}: no wrong answer, no hung request`, { timeout: (SECONDS + 300) * 1000 }, async (t) => {
    const options = { seconds: SECONDS, users: 50, apps: 2, binary: target.program };
    const report = await runChaos(options);
    const text = describeReport(options, report);
    for (const line of text.split("\n")) t.diagnostic(line);
    assert.ok(isSound(report), text);
    assert.ok(report.reads > options.users && report.faults.killed > 0 && report.stats.fallbacks > 0, text);
  });
}
