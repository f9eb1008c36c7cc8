/**
 * main.ts: starts the example with all that it needs: Respite, a PostgreSQL and
 * the application. Where it is told of a cache or a database, it uses that one
 * and starts none.
 */

import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { parseArgs } from "node:util";

import pg from "pg";

import { RedisCache } from "../src/index.js";
import { RespiteService } from "../src/service.js";
import { Postgres } from "../test/support/postgres.js";
import { freePort, respiteBinary } from "../test/support/servers.js";
import { createApp, NotingStore, type CacheControl, type Types } from "./app.js";

const USAGE = `Usage: npm run example -- [options]
  --port N          of the web page (3000; 0 for a free one)
  --binary FILE     the cache's server (RESPITE_BINARY, else bin/respite of the repository)
  --redis URL       a cache that runs already
  --postgres URL    a PostgreSQL that runs already
  --help
`;
const POOL_SIZE = 10;
const CONNECT_TIMEOUT_MS = 5000; // after which a request fails rather than waits for PostgreSQL

interface CacheServer {
  readonly url: string;
  /** Absent if somebody else runs it. */
  readonly control?: CacheControl;
}

/** What is to be ended, the last first. */
const ends: (() => Promise<unknown>)[] = [];

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      port: { type: "string", default: "3000" },
      binary: { type: "string" },
      redis: { type: "string" },
      postgres: { type: "string" },
      help: { type: "boolean" },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return;
  }
  const ending = ["SIGINT", "SIGTERM", ...(process.connected ? ["disconnect"] : [])]; // the last: its parent has died
  const signal = Promise.race(ending.map((event) => once(process, event)));
  await start(values);
  await signal; // which may have come during the start
}

async function start(values: { port: string; binary?: string; redis?: string; postgres?: string }): Promise<void> {
  const { url: redis, control }: CacheServer = values.redis === undefined ? await startCache(values.binary) : { url: values.redis };
  const url = values.postgres ?? (await startPostgres());
  const pool = new pg.Pool({ connectionString: url, max: POOL_SIZE, connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
  pool.on("error", report("PostgreSQL")); // else a restart of PostgreSQL would end the process
  ends.push(() => pool.end());
  const store = new NotingStore(pool, { schema: "example" });
  await store.migrate();

  const cache = new RedisCache<Types>({ redis: redis, store, namespace: "example", onError: report("cache") });
  ends.push(() => cache.close());
  const secret = process.env["SESSION_SECRET"] ?? randomBytes(32).toString("hex");
  const app = createApp({ cache, secret, ...(control ? { control } : {}) });
  const server = app.listen(Number(values.port), "127.0.0.1");
  await once(server, "listening");
  ends.push(() => close(server));
  say(`http://127.0.0.1:${(server.address() as AddressInfo).port} (cache ${redis}, database ${url})`);
}

async function startCache(binary: string | undefined): Promise<CacheServer> {
  const service = new RespiteService({ binary: binary ?? respiteBinary(), port: await freePort(), args: ["--save", ""] });
  service.on("state", (state) => {
    say(`cache is ${state}`);
  });
  ends.push(() => service.stop());
  await service.start();
  return { url: `redis://127.0.0.1:${service.port}`, control: controlOf(service) };
}

/** A kill is a crash after which the service does not start the server again by itself. */
function controlOf(service: RespiteService): CacheControl {
  return {
    async kill() {
      if (service.state !== "running") return;
      const died = once(service, "died");
      process.kill(service.pid!, "SIGKILL");
      await died;
      await service.stop();
    },
    async start() {
      if (service.state === "stopped") await service.start();
    },
  };
}

async function startPostgres(): Promise<string> {
  const postgres = await Postgres.start();
  ends.push(() => postgres.stop());
  return postgres.url;
}

async function close(server: HttpServer): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve));
  server.closeAllConnections();
  await closed;
}

function say(text: string): void {
  process.stdout.write(`example: ${text}\n`);
}

/** Tells each error once until another comes, since a cache that is down makes many. */
function report(of: string): (error: Error) => void {
  let last = "";
  return (error) => {
    if (error.message !== last) say(`${of}: ${error.message}`);
    last = error.message;
  };
}

try {
  await main();
} catch (error) {
  process.stderr.write(`example: ${(error as Error).message}\n`);
  process.exitCode = 1;
} finally {
  for (const end of ends.reverse()) await end();
  if (process.connected) process.disconnect();
}
