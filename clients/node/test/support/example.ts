/**
 * example.ts: runs the example as a user would, in a process of its own, and
 * sees that nothing of it is left.
 */

import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import path from "node:path";

import { eventually } from "./servers.js";

const MAIN = path.resolve(import.meta.dirname, "../../example/main.ts");
const START_TIMEOUT_MS = 120_000; // initdb takes long on a crowded machine

export class Example {
  readonly #child: ChildProcess;
  #output = "";

  private constructor(args: readonly string[]) {
    const child = spawn(process.execPath, ["--import", "tsx", MAIN, "--port", "0", ...args], {
      stdio: ["ignore", "pipe", "pipe", "ipc"], // it ends when this process does
    });
    this.#child = child;
    for (const stream of [child.stdout!, child.stderr!]) stream.on("data", (chunk: Buffer) => (this.#output += chunk.toString()));
  }

  /** Starts it with the options of its command line. */
  static async start(...args: string[]): Promise<Example> {
    const example = new Example(args);
    const up = (): boolean => {
      if (example.hasEnded) throw new Error(`the example ended: ${example.output}`);
      return example.#address !== undefined;
    };
    await eventually(up, "the example tells its address", START_TIMEOUT_MS);
    return example;
  }

  /** Of the page. */
  get url(): string {
    return this.#address!.page;
  }

  /** Whether it has ended, which it should not by itself. */
  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Everything that it has printed. */
  get output(): string {
    return this.#output;
  }

  /** Ends it in order; returns its exit code and the processes that it has left behind. */
  async stop(): Promise<{ code: number | null; left: string[] }> {
    const { cache, database } = this.#address!;
    if (!this.hasEnded) {
      const exited = once(this.#child, "exit");
      this.#child.kill("SIGTERM");
      await exited;
    }
    const left = execFileSync("ps", ["-eo", "pid=,args="], { encoding: "utf8" })
      .split("\n")
      .filter((line) => line.includes(`--port ${cache} `) || line.includes(`-p ${database} `));
    return { code: this.#child.exitCode, left };
  }

  get #address(): { page: string; cache: string; database: string } | undefined {
    const found = /(http:\S+) \(cache \S+:(\d+), database \S+:(\d+)/.exec(this.#output);
    return found ? { page: found[1]!, cache: found[2]!, database: found[3]! } : undefined;
  }
}
