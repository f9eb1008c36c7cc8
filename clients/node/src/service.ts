/**
 * The service manager: runs the Respite server as a child of a Node.js process.
 *
 * service.ts: a small state machine around one child process. Its states are
 * `stopped`, `starting` (spawned, does not answer PING yet), `running`,
 * `waiting` (it died; the next start is due after a back-off) and `stopping`.
 *
 * Invariant: at most one server is alive, and none is when the state is
 * `stopped` or `waiting`.
 *
 * @module respite-cache/service
 */

import { spawn, type ChildProcess } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

import { Redis } from "ioredis";

import { DecorrelatedJitterBackoff } from "./backoff.js";
import { guardScript } from "./guard.js";

const PING_INTERVAL_MS = 20;
const ASK_TIMEOUT_MS = 1000;
const FIRST_RESTART_MS = 100;

export type ServiceState = "stopped" | "starting" | "running" | "waiting" | "stopping";

export interface RespiteServiceOptions {
  /** The server program; default is RESPITE_BINARY of the environment, else `respite` in the path. */
  readonly binary?: string;
  /** Default 6379. */
  readonly port?: number;
  /** The address to listen on; default 127.0.0.1. */
  readonly host?: string;
  /** Further arguments, as for redis-server: a configuration file first, then directives. */
  readonly args?: readonly string[];
  /** The password, if the arguments set one. */
  readonly password?: string;
  /** Seconds that the server may take to drain after SIGTERM before it is killed; default 30. */
  readonly drainSeconds?: number;
  /** Milliseconds that it may take until it answers PING; default 20,000. */
  readonly startTimeoutMs?: number;
  /** The longest pause before a restart, in milliseconds; default 10,000. The first is about 100. */
  readonly longestPauseMs?: number;
  /** Milliseconds after which a running server counts as sound and pauses begin small again; default 30,000. */
  readonly soundAfterMs?: number;
  /** Takes the server's log lines. Default: they are dropped. */
  readonly log?: (line: string) => void;
}

/** What a server says of itself. */
export interface ServerHealth {
  /** From the connection to the answer of a PING, in milliseconds. */
  readonly latencyMs: number;
  readonly version: string;
  readonly uptimeSeconds: number;
  /** Clients besides the one that asks. */
  readonly connections: number;
  readonly usedMemoryBytes: number;
}

/** How a server ended. */
export interface ServerExit {
  /** Null if a signal ended it. */
  readonly code: number | null;
  readonly signal: string | null;
}

export interface ServiceEvents {
  state: [state: ServiceState];
  /** The server ended although nobody asked it to. */
  died: [exit: ServerExit];
}

/** Runs one server; restarts it when it dies. Linux and macOS. */
export class RespiteService extends EventEmitter<ServiceEvents> {
  readonly port: number;
  readonly host: string;
  readonly #options: RespiteServiceOptions;
  readonly #backoff: DecorrelatedJitterBackoff;
  #state: ServiceState = "stopped";
  #child: ChildProcess | undefined;
  #pid: number | undefined;
  #restarts = 0;
  #stopping: Promise<void> | undefined;
  #stopRequested = false;
  #restart: NodeJS.Timeout | undefined;
  #lastExit: ServerExit | null = null;

  constructor(options: RespiteServiceOptions = {}) {
    super();
    if (process.platform === "win32") throw new Error("RespiteService needs a POSIX system");
    this.#options = options;
    this.port = options.port ?? 6379;
    this.host = options.host ?? "127.0.0.1";
    this.#backoff = new DecorrelatedJitterBackoff(FIRST_RESTART_MS, options.longestPauseMs ?? 10_000);
  }

  get state(): ServiceState {
    return this.#state;
  }

  /** The server's process id while there is one. */
  get pid(): number | undefined {
    return this.#pid;
  }

  /** Whether {@link stop} was called since the last {@link start}. */
  get stopRequested(): boolean {
    return this.#stopRequested;
  }

  /** How often the server was started again after it had died. */
  get restarts(): number {
    return this.#restarts;
  }

  /** How the last server ended, null while the first runs. */
  get lastExit(): ServerExit | null {
    return this.#lastExit;
  }

  /**
   * Starts the server and resolves when it answers PING.
   *
   * @throws Error if it ends before, or does not answer in time. It is then not tried again.
   */
  async start(): Promise<void> {
    if (this.#state !== "stopped") throw new Error(`the service is ${this.#state}`);
    this.#stopRequested = false;
    await this.#launch();
  }

  /** Sends SIGTERM and resolves when the server has drained and ended. */
  async stop(): Promise<void> {
    this.#stopRequested = true;
    return this.#end();
  }

  /** How many clients are connected, this question's own connection not counted. */
  async connections(): Promise<number> {
    return (await this.health()).connections;
  }

  /**
   * Asks the server how it is, whoever started it.
   *
   * @throws Error if it does not answer.
   */
  async health(): Promise<ServerHealth> {
    const begun = performance.now();
    const [info, latencyMs] = await this.#ask(async (redis) => {
      await redis.ping();
      return [await redis.info(), performance.now() - begun] as const;
    });
    const field = (name: string): string => new RegExp(`^${name}:(\\S+)`, "m").exec(info)?.[1] ?? "0";
    return {
      latencyMs,
      version: field(info.includes("respite_version") ? "respite_version" : "redis_version"),
      uptimeSeconds: Number(field("uptime_in_seconds")),
      connections: Number(field("connected_clients")) - 1,
      usedMemoryBytes: Number(field("used_memory")),
    };
  }

  async #launch(): Promise<void> {
    this.#enter("starting");
    const { child, exited } = this.#spawn();
    const deadline = Date.now() + (this.#options.startTimeoutMs ?? 20_000);
    while (!this.#isOver(child) && this.#state === "starting") {
      if ((await this.#answers()) && !this.#isOver(child)) {
        this.#arrived(child);
        return;
      }
      if (Date.now() > deadline) {
        await this.#end();
        throw new Error(`the server did not answer PING within ${this.#options.startTimeoutMs ?? 20_000} ms`);
      }
      await new Promise((resolve) => setTimeout(resolve, PING_INTERVAL_MS));
    }
    const exit = await exited;
    if (this.#state === "starting") this.#enter("stopped");
    throw new Error(`the server ended before it answered: ${describe(exit)}`);
  }

  #isOver(child: ChildProcess): boolean {
    return this.#child !== child || child.exitCode !== null || child.signalCode !== null;
  }

  #arrived(child: ChildProcess): void {
    this.#enter("running");
    const sound = setTimeout(() => {
      this.#backoff.reset();
    }, this.#options.soundAfterMs ?? 30_000);
    sound.unref();
    child.once("exit", () => {
      clearTimeout(sound);
    });
  }

  #spawn(): { child: ChildProcess; exited: Promise<ServerExit> } {
    const { args = [], drainSeconds = 30 } = this.#options;
    const binary = this.#options.binary ?? process.env["RESPITE_BINARY"] ?? "respite";
    const server = [binary, ...args, "--port", String(this.port), "--bind", this.host];
    const child = spawn("/bin/sh", ["-c", guardScript, "respite-guard", String(drainSeconds), ...server], {
      detached: true,
      stdio: ["pipe", "pipe", "pipe", "pipe"],
    });
    this.#child = child;
    child.stdin.on("error", () => undefined); // the guard is gone, which "exit" tells
    for (const stream of [child.stdout, child.stderr]) this.#logLines(stream);
    createInterface({ input: child.stdio[3] as Readable }).once("line", (line) => {
      if (this.#child === child) this.#pid = Number(line);
    });
    const exited = new Promise<ServerExit>((resolve) => {
      child.once("error", () => {
        resolve(this.#ended(child, { code: 127, signal: null }));
      });
      child.once("exit", (code, signal) => {
        resolve(this.#ended(child, { code, signal }));
      });
    });
    return { child, exited };
  }

  #logLines(stream: Readable): void {
    const { log } = this.#options;
    if (log) createInterface({ input: stream }).on("line", log);
    else stream.resume();
  }

  /** The guard has ended; normally the server has then, too. */
  #ended(child: ChildProcess, exit: ServerExit): ServerExit {
    if (this.#child !== child) return exit;
    const pid = this.#pid;
    this.#child = undefined;
    this.#pid = undefined;
    child.stdin?.destroy();
    if (exit.signal !== null && pid !== undefined) killQuietly(pid); // the guard was killed: its watcher does the same, but later
    this.#lastExit = signalOf(exit);
    const wasRunning = this.#state === "running";
    if (wasRunning) {
      this.emit("died", this.#lastExit);
      this.#scheduleRestart();
    }
    return this.#lastExit;
  }

  #scheduleRestart(): void {
    this.#enter("waiting");
    this.#restart = setTimeout(() => {
      this.#restarts++;
      this.#launch().catch(() => {
        if (this.#state === "stopped" && !this.#stopRequested) this.#scheduleRestart();
      });
    }, this.#backoff.next());
  }

  async #end(): Promise<void> {
    this.#stopping ??= this.#stop().finally(() => {
      this.#stopping = undefined;
    });
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    clearTimeout(this.#restart);
    const child = this.#child;
    if (child) {
      this.#enter("stopping");
      const exited = once(child, "exit");
      child.stdin!.end();
      await exited;
    }
    this.#enter("stopped");
  }

  #enter(state: ServiceState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.emit("state", state);
  }

  /** Whether the server that was spawned answers, rather than another at the same port. */
  async #answers(): Promise<boolean> {
    try {
      const info = await this.#ask(async (redis) => {
        await redis.ping();
        return redis.info("server");
      });
      return Number(/^process_id:(\d+)/m.exec(info)?.[1]) === this.#pid;
    } catch (error) {
      return /NOAUTH|WRONGPASS/.test(String(error)); // it answers, and has nothing to say to us
    }
  }

  /** Asks the server on a connection of its own. */
  async #ask<T>(question: (redis: Redis) => Promise<T>): Promise<T> {
    const { password } = this.#options;
    const redis = new Redis({
      port: this.port,
      host: this.host,
      ...(password === undefined ? {} : { password }),
      lazyConnect: true,
      enableReadyCheck: false,
      connectTimeout: ASK_TIMEOUT_MS,
      commandTimeout: ASK_TIMEOUT_MS,
      maxRetriesPerRequest: 0,
      retryStrategy: () => null,
    });
    redis.on("error", () => undefined); // the question fails, too
    try {
      await redis.connect();
      return await question(redis);
    } finally {
      redis.disconnect();
    }
  }
}

const SHELL_SIGNAL_BASE = 128; // a shell adds it to the number of the signal that ended its child
const SIGNALS: Record<number, string> = { 2: "SIGINT", 6: "SIGABRT", 9: "SIGKILL", 11: "SIGSEGV", 15: "SIGTERM" };

function signalOf(exit: ServerExit): ServerExit {
  if (exit.code === null || exit.code <= SHELL_SIGNAL_BASE) return exit;
  const number = exit.code - SHELL_SIGNAL_BASE;
  return { code: null, signal: SIGNALS[number] ?? `signal ${number}` };
}

function describe(exit: ServerExit): string {
  return exit.signal ?? `exit code ${String(exit.code)}`;
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, "SIGTERM");
  } catch {
    // It is gone already.
  }
}
