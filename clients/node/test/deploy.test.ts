// The files beside the package are sound as far as linters from npm can tell,
// and systemd's own where it is installed.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";

import { respiteBinary } from "./support/servers.js";

const ROOT = path.resolve(import.meta.dirname, "..");
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
