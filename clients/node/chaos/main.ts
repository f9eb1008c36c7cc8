/** main.ts: `npm run chaos`. Exit code 1 if an answer was wrong, a request hung, or one failed that need not. */

import { parseArgs } from "node:util";

import { respiteBinary } from "../test/support/servers.js";
import { describeReport, isSound } from "./report.js";
import { runChaos } from "./run.js";

const USAGE = `Usage: npm run chaos -- [options]
  --seconds N    300
  --users N      50
  --apps N       processes of the application (2)
  --binary FILE  the cache's server (RESPITE_BINARY, else bin/respite of the repository)
`;

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "300" },
    users: { type: "string", default: "50" },
    apps: { type: "string", default: "2" },
    binary: { type: "string" },
    help: { type: "boolean" },
  },
});
if (values.help) {
  process.stdout.write(USAGE);
} else {
  const [seconds, users, apps] = [Number(values.seconds), Number(values.users), Number(values.apps)];
  const options = { seconds, users, apps, binary: values.binary ?? respiteBinary() };
  const report = await runChaos(options);
  process.stdout.write(`${describeReport(options, report)}\n`);
  process.exitCode = isSound(report) ? 0 : 1;
}
