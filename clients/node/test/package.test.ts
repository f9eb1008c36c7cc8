// What `npm pack` makes is what users need and nothing else, and it works where
// it is installed: by import, by require, in strict TypeScript of both kinds, and
// for every example of the README.

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";

import { codeBlocks } from "./support/readme.js";

const ROOT = path.resolve(import.meta.dirname, "..");
// What users install beside the package, to use it and its recipes.
const BESIDE = ["ioredis", "cockatiel", "pg", "redis", "connect-redis", "express", "express-session", "@types"];
// What the README's examples take for granted.
const GIVEN = {
  app: 'import("express").Express',
  secret: "string",
  redis: 'import("ioredis").Redis',
  cache: 'import("respite-cache").RedisCache',
};

let folder: string;
let packed: string[];
const run = (program: string, ...args: string[]): string => execFileSync(program, args, { cwd: folder, encoding: "utf8" });

before(() => {
  assert.ok(existsSync(path.join(ROOT, "dist/esm/index.js")), "not built: npm run build");
  folder = mkdtempSync(path.join(tmpdir(), "respite-consumer-"));
  const made = execFileSync("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", folder], { cwd: ROOT, encoding: "utf8" });
  const [{ filename, files }] = JSON.parse(made) as [{ filename: string; files: { path: string }[] }];
  packed = files.map((file) => file.path).sort();
  const modules = path.join(folder, "node_modules");
  mkdirSync(path.join(modules, "respite-cache"), { recursive: true });
  run("tar", "-xzf", filename, "--strip-components=1", "-C", path.join(modules, "respite-cache"));
  for (const name of BESIDE) symlinkSync(path.join(ROOT, "node_modules", name), path.join(modules, name));
});
after(() => {
  rmSync(folder, { recursive: true });
});

test("npm pack holds the built modules, their types and the documents", () => {
  const modules = readdirSync(path.join(ROOT, "src")).map((file) => file.replace(/\.ts$/, ""));
  const built = modules.flatMap((name) => [
    ...["js", "d.ts"].map((ext) => `dist/esm/${name}.${ext}`),
    ...(name === "cli" ? [] : ["js", "d.ts"].map((ext) => `dist/cjs/${name}.${ext}`)),
  ]);
  const others = ["deploy/respite-cache.service", "dist/cjs/package.json", "LICENSE", "MIGRATION.md", "README.md", "package.json"];
  assert.deepEqual(packed, [...built, ...others].sort());
});

test("both module systems load it by its name, and its command runs", () => {
  const names = "Object.keys(m).filter((name) => name !== 'default').sort().join() + ';' + Object.keys(s).filter((name) => name !== 'default').join()";
  writeFileSync(path.join(folder, "required.cjs"), `const m = require("respite-cache"), s = require("respite-cache/service"); console.log(${names})`);
  writeFileSync(path.join(folder, "imported.mjs"), `import * as m from "respite-cache"; import * as s from "respite-cache/service"; console.log(${names})`);
  const required = run("node", "required.cjs");
  assert.equal(required, run("node", "imported.mjs"));
  assert.match(required, /RedisCache.*;RespiteService/);
  assert.match(run("node", "node_modules/respite-cache/dist/esm/cli.js", "--help"), /respite-cache start/);
});

test("strict TypeScript accepts it by import and by require, its types checked too, and refuses what is wrong", () => {
  const use = (wrong = ""): string => `
    import { RedisCache, VOLATILITY, type CacheStats } from "respite-cache";
    import { RespiteService } from "respite-cache/service";
    interface Types { session: { user: number; since: Date }; message: string; profile: bigint }
    export async function use(cache: RedisCache<Types>): Promise<string> {
      await cache.cacheUserSession(1n, { user: 1, since: new Date() });
      const session: { user: number; since: Date } | null = await cache.getUserSession(1);
      const [first]: readonly string[] = (await cache.getCachedMessages("1")) ?? [];
      const loaded: number = await cache.cacheQuery("q", "volatile", () => Promise.resolve(VOLATILITY.slow));
      const stats: CacheStats = cache.stats();
      ${wrong}
      return [session?.since, first, loaded, stats.hits, new RespiteService({ port: 1 }).state].join();
    }`;
  assert.equal(typeErrors({ "use.mts": use(), "use.cts": use() }, false), "");
  const wrong = "await cache.cacheUserProfile(1, 5);\nawait cache.cacheQuery('q', 'often', () => Promise.resolve(1));";
  assert.equal(typeErrors({ "wrong.mts": use(wrong) }, true).match(/error TS2345/g)?.length, 2);
});

test("strict TypeScript accepts every example of the README", () => {
  const blocks = codeBlocks();
  assert.ok(blocks.length >= 6);
  const files = blocks.map((code, n) => {
    const given = Object.entries(GIVEN).filter(([name]) => !new RegExp(`const (?:\\w+, )*${name}\\b`).test(code));
    return [`example${n}.mts`, `${given.map(([name, type]) => `declare const ${name}: ${type};\n`).join("")}${code}\nexport {};\n`];
  });
  assert.equal(typeErrors(Object.fromEntries(files) as Record<string, string>, true), "");
});

/** What the compiler says of files in the folder. */
function typeErrors(files: Record<string, string>, skipLibCheck: boolean): string {
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(folder, name), text);
  const compilerOptions = {
    strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, noUnusedLocals: false,
    target: "ES2022", module: "nodenext", types: ["node"], noEmit: true, skipLibCheck,
  }; // prettier-ignore
  writeFileSync(path.join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: Object.keys(files) }));
  const { stdout } = spawnSync(path.join(ROOT, "node_modules/.bin/tsc"), ["-p", "."], { cwd: folder, encoding: "utf8" });
  return stdout;
}
