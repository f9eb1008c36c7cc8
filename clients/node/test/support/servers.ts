/**
 * servers.ts: starts the servers that the tests talk to, on free loopback ports
 * and with their files in a temporary directory, and ends them with the test.
 *
 * Every suite runs against our binary and against the real redis-server: one
 * that fails on the latter is wrong about Redis. RESPITE_CLIENT_TARGETS=respite
 * (or redis-server) runs one side.
 */

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";

const START_TIMEOUT_MS = 20_000;
const STOP_TIMEOUT_MS = 10_000;

export interface Target {
  readonly name: string;
  readonly program: string;
}

/** Where the Taskfile's build task puts the server. */
export function respiteBinary(): string {
  const program = process.env["RESPITE_BINARY"] ?? path.resolve(import.meta.dirname, "../../../../bin/respite");
  if (!existsSync(program)) throw new Error(`${program} is missing: run the task \`build\``);
  return program;
}

/** The programs that this run tests. */
export function targets(): Target[] {
  const names = (process.env["RESPITE_CLIENT_TARGETS"] ?? "respite,redis-server").split(",");
  return names.map((name) => ({ name, program: name === "respite" ? respiteBinary() : name }));
}

/** A port that nobody listens on. */
export async function freePort(): Promise<number> {
  const probe = net.createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as net.AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Polls until probe is true. */
export async function eventually(probe: () => boolean | Promise<boolean>, what: string, limitMs = 5000): Promise<void> {
  const deadline = Date.now() + limitMs;
  while (!(await probe())) {
    if (Date.now() > deadline) throw new Error(`not within ${limitMs} ms: ${what}`);
    await sleep(5);
  }
}

/** Whether something answers PING at a loopback port. */
export async function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1", () => socket.write("PING\r\n"));
    const end = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(500, () => {
      end(false);
    });
    socket.once("data", (data) => {
      end(data.toString().startsWith("+PONG"));
    });
    socket.once("error", () => {
      end(false);
    });
  });
}

/** Whether a process exists. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** A server that can be killed and started again on the same port and directory. */
export class Server {
  readonly #program: string;
  readonly #args: string[];
  #child: ChildProcess | undefined;
  #log = "";

  private constructor(
    program: string,
    readonly port: number,
    readonly dir: string,
    args: string[],
  ) {
    this.#program = program;
    this.#args = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--dir", dir, ...args];
  }

  static async start(target: Target, ...args: string[]): Promise<Server> {
    const server = await Server.prepare(target, ...args);
    await server.start();
    return server;
  }

  /** A server that is not started yet. */
  static async prepare(target: Target, ...args: string[]): Promise<Server> {
    const dir = await mkdtemp(path.join(tmpdir(), "respite-cache-"));
    return new Server(target.program, await freePort(), dir, args);
  }

  get pid(): number {
    if (this.#child?.pid === undefined) throw new Error("the server does not run");
    return this.#child.pid;
  }

  async start(): Promise<void> {
    const child = spawn(this.#program, this.#args, { stdio: ["ignore", "pipe", "pipe"] });
    this.#child = child;
    const keep = (chunk: Buffer): void => {
      this.#log += chunk.toString();
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    await eventually(() => child.exitCode !== null || answers(this.port), `${this.#program} answers`, START_TIMEOUT_MS);
    if (child.exitCode !== null) throw new Error(`${this.#program} ended: ${this.#log}`);
  }

  signal(name: NodeJS.Signals): void {
    process.kill(this.pid, name);
  }

  /** Ends the server as a crash would. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** Ends the server in order and removes its files. */
  async stop(): Promise<void> {
    if (this.#child) await this.#end("SIGTERM");
    await rm(this.dir, { recursive: true, force: true });
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (!child) return;
    this.#child = undefined;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill(signal);
    const timer = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
    await exited;
    clearTimeout(timer);
  }
}
