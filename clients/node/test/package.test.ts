// What `npm pack` makes is what users need and nothing else, and it works by
// import and by require.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";

const ROOT = path.resolve(import.meta.dirname, "..");
const run = (program: string, ...args: string[]): string => execFileSync(program, args, { cwd: ROOT, encoding: "utf8" });

test("npm pack holds the built modules, their types and the documents", () => {
  assert.ok(existsSync(path.join(ROOT, "dist/esm/index.js")), "not built: npm run build");
  const [packed] = JSON.parse(run("npm", "pack", "--dry-run", "--json", "--ignore-scripts")) as { files: { path: string }[] }[];
  const names = packed!.files.map((file) => file.path).sort();
  const modules = readdirSync(path.join(ROOT, "src")).map((file) => file.replace(/\.ts$/, ""));
  const built = modules.flatMap((name) => [
    ...["js", "d.ts"].map((ext) => `dist/esm/${name}.${ext}`),
    ...(name === "cli" ? [] : ["js", "d.ts"].map((ext) => `dist/cjs/${name}.${ext}`)),
  ]);
  const deploy = readdirSync(path.join(ROOT, "deploy")).map((file) => `deploy/${file}`);
  const expected = [...built, ...deploy, "dist/cjs/package.json", "LICENSE", "MIGRATION.md", "README.md", "package.json"];
  assert.deepEqual(names, expected.sort());
});

test("both module systems load it by its name", () => {
  const names = "Object.keys(m).sort().join() + ';' + Object.keys(s).join()";
  const required = run("node", "-e", `const m = require("respite-cache"), s = require("respite-cache/service"); console.log(${names})`);
  const imported = run(
    "node", "--input-type=module", "-e",
    `import * as m from "respite-cache"; import * as s from "respite-cache/service"; console.log(${names})`,
  ); // prettier-ignore
  assert.equal(required, imported);
  assert.match(required, /RedisCache.*;RespiteService/);
  assert.match(run("node", "dist/esm/cli.js", "--help"), /respite-cache start/);
});
