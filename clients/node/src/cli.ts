#!/usr/bin/env node
/** cli.ts: `respite-cache start` and `respite-cache health`. */

import { parseArgs } from "node:util";

import { RespiteService } from "./service.js";

const USAGE = `Usage:
  respite-cache start [options] [-- ARGUMENTS OF THE SERVER]
      runs the server until SIGTERM or SIGINT, and restarts it when it dies
  respite-cache health [options]
      prints the server's health as JSON; exit code 1 if it is down

Options:
  --binary FILE   the server program (RESPITE_BINARY, else respite in the path)
  --host ADDRESS  default 127.0.0.1
  --port N        default 6379
  --drain N       seconds that the server may take to end (30)
  --password WORD the server's password (RESPITE_PASSWORD)
`;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      binary: { type: "string" },
      host: { type: "string", default: "127.0.0.1" },
      port: { type: "string", default: "6379" },
      drain: { type: "string", default: "30" },
      password: { type: "string" },
      help: { type: "boolean", short: "h" },
    },
  });
  const [command, ...args] = positionals;
  const password = values.password ?? process.env["RESPITE_PASSWORD"];
  const where = { host: values.host, port: wholeNumber("port", values.port), ...(password ? { password } : {}) };
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  switch (command) {
    case "start":
      return start({ ...where, drainSeconds: wholeNumber("drain", values.drain), args, ...(values.binary ? { binary: values.binary } : {}) });
    case "health":
      return health(where);
    default:
      process.stderr.write(USAGE);
      return 2;
  }
}

function wholeNumber(name: string, text: string): number {
  if (!/^\d+$/.test(text)) throw new TypeError(`--${name} ${text}: a whole number is needed`);
  return Number(text);
}

async function start(options: ConstructorParameters<typeof RespiteService>[0]): Promise<number> {
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  const service = new RespiteService({ ...options, log: say });
  service.on("state", (state) => {
    say(`respite-cache: ${state}${state === "running" ? ` at ${service.host}:${service.port}, PID ${service.pid ?? 0}` : ""}`);
  });
  service.on("died", (exit) => {
    say(`respite-cache: the server died (${exit.signal ?? `exit code ${String(exit.code)}`})`);
  });
  const stopped = new Promise<number>((resolve, reject) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      process.on(signal, () => {
        service.stop().then(() => {
          resolve(service.lastExit?.code ?? 0);
        }, reject);
      });
    }
  });
  // A signal during the start makes it fail: how the stop ends is then the answer.
  const failed = service.start().then(
    () => stopped,
    async (error: unknown) => {
      if (service.stopRequested) return stopped;
      throw error;
    },
  );
  return failed;
}

async function health(where: { host: string; port: number; password?: string }): Promise<number> {
  process.stdout.write(`${JSON.stringify(await new RespiteService(where).health(), null, 2)}\n`);
  return 0;
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.stderr.write(`respite-cache: ${(error as Error).message}\n`);
    process.exitCode = 1;
  },
);
