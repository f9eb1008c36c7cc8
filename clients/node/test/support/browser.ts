/** browser.ts: a headless Chromium, the one that the system has. */

import { existsSync } from "node:fs";
import path from "node:path";

import { chromium, type Browser } from "playwright-core";

const NAMES = ["chromium", "chromium-browser", "google-chrome"];
const LAUNCH_TIMEOUT_MS = 120_000;

/** Starts it; CHROMIUM of the environment is the program to use instead of the one in the path. */
export async function openBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: program(), timeout: LAUNCH_TIMEOUT_MS });
}

function program(): string {
  const named = process.env["CHROMIUM"];
  if (named !== undefined) return named;
  const places = (process.env["PATH"] ?? "").split(path.delimiter).flatMap((dir) => NAMES.map((name) => path.join(dir, name)));
  const found = places.find((place) => existsSync(place));
  if (found === undefined) throw new Error("Chromium is missing: run the task `setup`, or set CHROMIUM");
  return found;
}
