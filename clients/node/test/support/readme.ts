/** readme.ts: runs the recipes of the README as they stand there. */

import { readFileSync } from "node:fs";
import path from "node:path";

import ts from "typescript";

import { respiteBinary } from "./servers.js";

const README = readFileSync(path.resolve(import.meta.dirname, "../../README.md"), "utf8");
const IMPORT = /^import (?:(\{[^}]*\})|(\w+)) from "([^"]+)";$/gm;

type Body = (...args: unknown[]) => Promise<Record<string, unknown>>;

/** All blocks of TypeScript. */
export function codeBlocks(): string[] {
  return [...README.matchAll(/\n```ts\n([\s\S]*?)```/g)].map(([, code]) => code!);
}

/** The first block of TypeScript after a line that begins so. */
function recipe(title: string): string {
  const start = README.indexOf(`\n${title}`);
  const code = start < 0 ? undefined : /\n```ts\n([\s\S]*?)```/.exec(README.slice(start))?.[1];
  if (code === undefined) throw new Error(`the README has no recipe ${JSON.stringify(title)}`);
  return code;
}

/**
 * Runs a recipe and returns what it has made.
 *
 * @param port of the server, in place of the one that the recipe names or that is the default
 * @param given what the recipe takes for granted, by name
 * @param made names that it defines
 */
export async function runRecipe<T extends string>(
  title: string,
  port: number,
  given: Readonly<Record<string, unknown>>,
  ...made: T[]
): Promise<Record<T, unknown>> {
  const code = recipe(title)
    .replace(IMPORT, (_line, names: string | undefined, name: string, module: string) =>
      `const ${names ?? `{ default: ${name} }`} = await load(${JSON.stringify(module)});`,
    )
    .replaceAll("127.0.0.1:6379", `127.0.0.1:${port}`)
    .replaceAll("port: 6379", `port: ${port}`)
    .replaceAll("/usr/local/bin/respite", respiteBinary())
    .replaceAll('host: "127.0.0.1"', `host: "127.0.0.1", port: ${port}`);
  const script = ts.transpile(`${code}\nreturn { ${made.join(", ")} };`, { target: ts.ScriptTarget.ES2022 });
  const AsyncFunction = (async () => Promise.resolve()).constructor as new (...parts: string[]) => Body;
  const run = new AsyncFunction("load", ...Object.keys(given), script);
  return run(load, ...Object.values(given));
}

/** The package itself by its sources, so that what is tested is what was written. */
async function load(module: string): Promise<unknown> {
  if (module === "respite-cache") return import("../../src/index.js");
  return module === "respite-cache/service" ? import("../../src/service.js") : import(module);
}
