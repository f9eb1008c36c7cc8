// The service manager with the real server: it starts, restarts, drains, and
// leaves nothing behind, whatever happens to it.

import assert from "node:assert/strict";
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { test, type TestContext } from "node:test";
import path from "node:path";

import { Redis } from "ioredis";

import { DecorrelatedJitterBackoff } from "../src/backoff.js";
import { RespiteService, type RespiteServiceOptions } from "../src/service.js";
import { answers, eventually, freePort, isAlive, respiteBinary, sleep, targets } from "./support/servers.js";

const CLI = path.resolve(import.meta.dirname, "../src/cli.ts");
const NO_FILES = ["--save", ""];

async function service(t: TestContext, options: RespiteServiceOptions = {}): Promise<RespiteService> {
  const made = new RespiteService({ binary: respiteBinary(), port: await freePort(), args: NO_FILES, drainSeconds: 5, ...options });
  t.after(() => made.stop());
  return made;
}

/** Every process of the system as "pid parent command". */
function processes(): string[] {
  return execFileSync("ps", ["-eo", "pid=,ppid=,args="], { encoding: "utf8" }).trim().split("\n");
}

/** Those that mention a port, the guard and its watcher among them. */
const mentioning = (port: number): string[] => processes().filter((line) => line.includes(`--port ${port} `));

for (const target of targets()) {
  test(`runs ${target.name}, tells its state and connections, and stops it`, async (t) => {
    const lines: string[] = [];
    const states: string[] = [];
    const managed = await service(t, { binary: target.program, log: (line) => lines.push(line) });
    managed.on("state", (state) => states.push(state));
    assert.equal(managed.state, "stopped");
    await managed.start();
    assert.equal(managed.state, "running");
      const clients = [new Redis(managed.port), new Redis(managed.port)];
    await Promise.all(clients.map((client) => client.ping()));
    await eventually(async () => (await managed.connections()) === 2, "two connections");
    assert.match(await clients[0]!.info("server"), new RegExp(`process_id:${managed.pid}\\b`));
    for (const client of clients) client.disconnect();
    await assert.rejects(managed.start(), /is running/);
    await managed.stop();
    assert.equal(managed.state, "stopped");
    assert.deepEqual(states, ["starting", "running", "stopping", "stopped"]);
    assert.deepEqual(managed.lastExit, { code: 0, signal: null });
    assert.ok(lines.some((line) => line.includes("Ready to accept connections")), "no log");
    assert.ok(lines.some((line) => line.includes("bye bye")), "not drained");
    assert.deepEqual(mentioning(managed.port), []);
    await managed.start(); // once more
    assert.equal(await answers(managed.port), true);
    await managed.stop();
    assert.equal(await answers(managed.port), false);
  });
}

test("restarts a server that dies", async (t) => {
  const managed = await service(t);
  const exits: unknown[] = [];
  managed.on("died", (exit) => exits.push(exit));
  await managed.start();
  const pauses: number[] = [];
  for (let round = 1; round <= 3; round++) {
      const begun = Date.now();
    process.kill(managed.pid!, "SIGKILL");
    await eventually(() => managed.restarts === round && managed.state === "running", `restart ${round}`, 20_000);
    pauses.push(Date.now() - begun);
    assert.equal(await answers(managed.port), true);
  }
  t.diagnostic(`back after ${pauses.join(", ")} ms`);
  assert.deepEqual(exits, Array(3).fill({ code: null, signal: "SIGKILL" }));
  assert.equal(mentioning(managed.port).filter((line) => !line.includes("respite-guard")).length, 1, "more than one server");
});

test("pauses between restarts grow to the longest, and begin small again", () => {
  const [first, longest] = [100, 10_000];
  for (let run = 0; run < 100; run++) {
    const backoff = new DecorrelatedJitterBackoff(first, longest);
    for (let round = 0; round < 2; round++) {
      const pauses = Array.from({ length: 20 }, () => backoff.next());
      assert.ok(pauses[0]! <= 2 * first, `begins with ${pauses[0]!} ms`);
      assert.ok(pauses.every((pause) => pause <= longest));
      const sum = (from: number): number => pauses.slice(from, from + 5).reduce((total, pause) => total + pause, 0);
      assert.ok(sum(5) > sum(0) && sum(15) === 5 * longest, pauses.join(", "));
      backoff.reset();
    }
  }
});

test("tries again when a restart hangs or fails", async (t) => {
  const dir = mkdtempSync(path.join(tmpdir(), "respite-service-"));
  t.after(() => {
    rmSync(dir, { recursive: true });
  });
  // The second server never answers, the third ends at once.
  const binary = path.join(dir, "server");
  const starts = path.join(dir, "starts");
  writeFileSync(
    binary,
    `#!/bin/sh\necho start >>${starts}\ncase $(wc -l <${starts}) in *2) exec sleep 600 ;; *3) exit 1 ;; esac\nexec ${respiteBinary()} "$@"\n`,
    { mode: 0o755 },
  );
  const managed = await service(t, { binary, startTimeoutMs: 2000, drainSeconds: 1 });
  await managed.start();
  process.kill(managed.pid!, "SIGKILL");
  await eventually(() => managed.restarts === 3 && managed.state === "running", "the third restart succeeds", 60_000);
  assert.equal(await answers(managed.port), true);
  assert.equal(mentioning(managed.port).filter((line) => !line.includes("respite-guard")).length, 1, "more than one server");
});

test("stops while it waits to restart", async (t) => {
  const managed = await service(t);
  await managed.start();
  process.kill(managed.pid!, "SIGKILL");
  await eventually(() => managed.state === "waiting", "waiting");
  await managed.stop();
  assert.equal(managed.state, "stopped");
  await sleep(500);
  assert.equal(await answers(managed.port), false);
});

test("kills a server that does not drain in time", async (t) => {
  const managed = await service(t, { drainSeconds: 1 });
  await managed.start();
  process.kill(managed.pid!, "SIGSTOP"); // cannot even receive SIGTERM
  const begun = Date.now();
  await managed.stop();
  assert.ok(Date.now() - begun < 4000);
  assert.deepEqual(managed.lastExit, { code: null, signal: "SIGKILL" });
  assert.deepEqual(mentioning(managed.port), []);
});

test("says why a server cannot be started, and does not try again", async (t) => {
  for (const [options, expected] of [
    [{ binary: "/nonexistent/respite" }, /exit code 127/],
    [{ args: ["--no-such-directive", "1"] }, /ended before it answered: exit code 1/],
  ] as const) {
    const managed = await service(t, options);
    await assert.rejects(managed.start(), expected);
    assert.equal(managed.state, "stopped");
    assert.deepEqual(mentioning(managed.port), []);
  }
  const first = await service(t);
  await first.start();
  const second = await service(t, { port: first.port });
  await assert.rejects(second.start(), /ended before it answered/);
  assert.equal(second.state, "stopped");
  assert.equal(first.state, "running");
});

test("leaves no server behind when its guard is killed", async (t) => {
  const managed = await service(t);
  await managed.start();
  const old = managed.pid!;
  const guard = Number(processes().find((line) => Number(line.trim().split(/\s+/)[0]) === old)!.trim().split(/\s+/)[1]);
  process.kill(guard, "SIGKILL");
  await eventually(() => !isAlive(old), "the old server ended");
  await eventually(() => managed.state === "running" && managed.restarts > 0, "a new server runs", 20_000);
});

/** The command line as users start it. */
function cli(t: TestContext, ...args: string[]): { child: ChildProcess; output: () => string } {
  const child = spawn(process.execPath, ["--import", "tsx", CLI, ...args], {
    env: { ...process.env, RESPITE_BINARY: respiteBinary() },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (text += chunk.toString()));
  t.after(() => child.kill("SIGKILL"));
  return { child, output: () => text };
}

test("the command drains the server on SIGTERM", async (t) => {
  const port = await freePort();
  const { child, output } = cli(t, "start", "--port", String(port), "--", ...NO_FILES);
  await eventually(() => output().includes("respite-cache: running"), "running", 20_000);
  const { child: asker, output: health } = cli(t, "health", "--port", String(port));
  assert.deepEqual(await once(asker, "exit"), [0, null]);
  const answer = JSON.parse(health()) as { connections: number; version: string };
  assert.equal(answer.connections, 0);
  child.kill("SIGTERM");
  assert.deepEqual(await once(child, "exit"), [0, null]);
  assert.match(output(), /Received SIGTERM[\s\S]*bye bye[\s\S]*respite-cache: stopped/);
  assert.deepEqual(mentioning(port), []);
  const { child: late, output: error } = cli(t, "health", "--port", String(port));
  assert.deepEqual(await once(late, "exit"), [1, null]);
  assert.match(error(), /respite-cache: /);
});

test("the server ends in order when the manager is killed by SIGKILL", async (t) => {
  const port = await freePort();
  const { child, output } = cli(t, "start", "--port", String(port), "--", ...NO_FILES);
  await eventually(() => /running at .*PID \d{2,}/.test(output()), "running", 20_000);
  const pid = Number(/running at .*PID (\d+)/.exec(output())![1]);
  assert.ok(isAlive(pid));
  child.kill("SIGKILL");
  await eventually(() => !isAlive(pid), "the server ended", 10_000);
  await eventually(() => mentioning(port).length === 0, "guard and watcher ended", 5000);
});

test("the command explains itself", async (t) => {
  const { child, output } = cli(t, "--help");
  assert.deepEqual(await once(child, "exit"), [0, null]);
  assert.match(output(), /respite-cache start/);
  for (const [args, code] of [[[], 2], [["start", "--port", "x"], 1]] as const) {
    const wrong = cli(t, ...args);
    assert.deepEqual(await once(wrong.child, "exit"), [code, null]);
  }
});
