// The files beside the package are sound as far as linters from npm can tell,
// and systemd's own where it is installed; what the image would build and run is
// compared and run without one.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";

import { answers, eventually, freePort, respiteBinary } from "./support/servers.js";

const ROOT = path.resolve(import.meta.dirname, "..");
const REPOSITORY = path.resolve(ROOT, "../..");
const lint = (program: string, ...args: string[]): void => {
  const { status, stdout, stderr } = spawnSync(path.join(ROOT, "node_modules/.bin", program), args, { cwd: ROOT, encoding: "utf8" });
  assert.equal(status, 0, `${stdout}${stderr}`);
};

test("the compose file passes dclint", () => {
  lint("dclint", "deploy/compose.yaml");
});

test("the Dockerfile passes dockerfilelint", () => {
  lint("dockerfilelint", "deploy/Dockerfile");
});

test("the Dockerfile builds what the task `build` builds, from files that reach it", () => {
  const dockerfile = readFileSync(path.join(ROOT, "deploy/Dockerfile"), "utf8");
  const taskfile = readFileSync(path.join(REPOSITORY, "Taskfile.yml"), "utf8");
  const flags = (text: string): string | undefined => /go build (.*) -o /.exec(text)?.[1];
  const built = taskfile.slice(taskfile.indexOf("\n  build:"));
  assert.ok(flags(dockerfile));
  assert.equal(flags(dockerfile), flags(built));
  assert.match(built, /CGO_ENABLED: "0"/);
  assert.match(dockerfile, /RUN CGO_ENABLED=0 go build/);
  const ignored = readFileSync(path.join(ROOT, "deploy/Dockerfile.dockerignore"), "utf8").split("\n");
  for (const needed of ["go.mod", "go.sum", "main.go", "profile.pgo"]) {
    assert.ok(existsSync(path.join(REPOSITORY, needed)) && !ignored.includes(needed), needed);
  }
  const [, version] = /^go (\d+\.\d+)/m.exec(readFileSync(path.join(REPOSITORY, "go.mod"), "utf8"))!;
  assert.ok(dockerfile.includes(`golang:${version}-`), `not Go ${version}`);
});

test("the server runs as the image runs it: as nobody, in the root directory, with an answer for the health check", async () => {
  const dockerfile = readFileSync(path.join(ROOT, "deploy/Dockerfile"), "utf8");
  const args = JSON.parse(/^CMD (\[.*\])$/m.exec(dockerfile)![1]!) as string[];
  const at = args.indexOf("--bind") + 1;
  assert.equal(args[at], "0.0.0.0");
  args[at] = "127.0.0.1"; // here there is no container around it
  const dir = mkdtempSync(path.join(tmpdir(), "respite-image-"));
  chmodSync(dir, 0o755);
  const program = path.join(dir, "respite"); // where nobody can read it
  copyFileSync(respiteBinary(), program);
  const port = await freePort();
  const identity = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
  const child = spawn(program, [...args, "--port", String(port)], { ...identity, cwd: "/", stdio: "ignore" });
  try {
    await eventually(() => answers(port), "it answers", 20_000);
    const url = /http:\/\/127\.0\.0\.1:6379(\S+)"/.exec(dockerfile)![1]!;
    assert.equal((await fetch(`http://127.0.0.1:${port}${url}`)).status, 200);
    const exited = once(child, "exit");
    child.kill(/^STOPSIGNAL (\w+)$/m.exec(dockerfile)![1] as NodeJS.Signals);
    assert.deepEqual(await exited, [0, null]);
  } finally {
    child.kill("SIGKILL");
    rmSync(dir, { recursive: true });
  }
});

test("the systemd unit has what a server needs to drain, and systemd accepts it", () => {
  const unit = readFileSync(path.join(ROOT, "deploy/respite-cache.service"), "utf8");
  assert.match(unit, /^Type=notify$/m);
  assert.match(unit, /^TimeoutStopSec=30$/m);
  if (spawnSync("systemd-analyze", ["--version"]).error) return; // not every system has it
  const dir = mkdtempSync(path.join(tmpdir(), "respite-unit-"));
  try {
    copyFileSync(respiteBinary(), path.join(dir, "respite"));
    const file = path.join(dir, "respite-cache.service");
    writeFileSync(file, unit.replaceAll("/usr/local/bin", dir));
    const { status, stderr } = spawnSync("systemd-analyze", ["verify", "--man=no", file], { encoding: "utf8" });
    assert.equal(status, 0, stderr);
  } finally {
    rmSync(dir, { recursive: true });
  }
});
