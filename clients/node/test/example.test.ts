// The example in headless Chromium: a user logs in, sends messages, sees them
// cached, kills the cache, goes on from PostgreSQL without a failed request,
// starts the cache again and sees hits again. Screenshots go to test-output/.

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";

import type { Browser, Page } from "playwright-core";

import { openBrowser } from "./support/browser.js";
import { Example } from "./support/example.js";
import { eventually, targets } from "./support/servers.js";

const OUTPUT = path.resolve(import.meta.dirname, "../test-output");
const WAIT_MS = 60_000; // for anything on the page

let browser: Browser;
before(async () => {
  mkdirSync(OUTPUT, { recursive: true });
  browser = await openBrowser();
});
after(async () => {
  await browser.close();
});

/** The page of one user, and every request of it that failed. */
class Visitor {
  readonly failures: string[] = [];

  private constructor(
    readonly page: Page,
    readonly name: string,
  ) {
    page.setDefaultTimeout(WAIT_MS);
    page.on("pageerror", (error) => this.failures.push(error.message));
    page.on("response", (response) => {
      if (response.status() >= 400) this.failures.push(`${response.status()} ${response.url()}`);
    });
    page.on("requestfailed", (request) => {
      const reason = request.failure()?.errorText ?? "";
      if (reason !== "net::ERR_ABORTED") this.failures.push(`${reason} ${request.url()}`); // a reload aborts what is under way
    });
  }

  static async open(url: string, name: string): Promise<Visitor> {
    const page = await browser.newPage({ viewport: { width: 1100, height: 820 }, colorScheme: "light" });
    const visitor = new Visitor(page, name);
    await page.goto(url);
    return visitor;
  }

  async send(text: string): Promise<void> {
    await this.page.fill("#text", text);
    await this.page.click("#send button");
    await this.page.locator("#messages li", { hasText: text }).waitFor();
  }

  /** Waits until an element has a text. */
  async sees(id: string, text: string): Promise<void> {
    await this.page.locator(`#${id}`).and(this.page.getByText(text, { exact: true })).waitFor();
  }

  async figure(id: string): Promise<number> {
    return Number(await this.page.textContent(`#${id}`));
  }

  /** Waits until a figure is larger than it was. */
  async seesGrow(id: string, than: number): Promise<void> {
await eventually(async () => (await this.figure(id)) > than, `${id} grows`, WAIT_MS);
  }

  async messages(): Promise<number> {
    return this.page.locator("#messages li").count();
  }

  async screenshot(title: string): Promise<void> {
    await this.page.screenshot({ path: path.join(OUTPUT, `${this.name}-${title}.png`) });
  }
}

for (const target of targets()) {
  describe(`the example on ${target.name}`, () => {
    let example: Example;
    let visitor: Visitor;

    before(async () => {
      example = await Example.start("--binary", target.program);
      visitor = await Visitor.open(example.url, target.name);
    });
    after(async () => {
      await visitor.page.close();
      const { code, left } = await example.stop();
      assert.deepEqual({ code, left }, { code: 0, left: [] });
    });

    test("a user logs in and sends messages", async () => {
      await visitor.sees("state", "up");
      await visitor.page.fill("#name", "ada");
      await visitor.screenshot("1-login");
      await visitor.page.click("#login button");
      await visitor.sees("user", "ada");
      for (let n = 1; n <= 3; n++) await visitor.send(`message ${n}`);
      await visitor.page.fill("#profile-name", "Ada Lovelace");
      await visitor.page.fill("#profile-about", "Writes <b>programs</b>.");
      await visitor.page.click("#profile button");
      await visitor.page.getByText(/^saved/).waitFor();
    });

    test("sees them cached", async () => {
      const hits = await visitor.figure("hits");
      await visitor.sees("source", "cache");
      await visitor.seesGrow("hits", hits);
      assert.equal(await visitor.messages(), 3);
      await visitor.screenshot("2-cached");
    });

    test("goes on from PostgreSQL when the cache is killed", async () => {
      const past = await visitor.figure("fallbacks");
      await visitor.page.click("#kill");
      await visitor.sees("state", "down");
      await visitor.send("without a cache");
      await visitor.page.reload();
      await visitor.sees("user", "ada");
      await visitor.sees("source", "PostgreSQL");
      await visitor.page.locator("#messages li", { hasText: "without a cache" }).waitFor();
      assert.equal(await visitor.messages(), 4);
      assert.equal(await visitor.page.inputValue("#profile-name"), "Ada Lovelace");
      assert.equal(await visitor.page.inputValue("#profile-about"), "Writes <b>programs</b>.");
      await visitor.seesGrow("fallbacks", past);
      await visitor.sees("state", "down");
      await visitor.screenshot("3-without-cache");
    });

    test("sees hits again when the cache is back", async () => {
      await visitor.page.click("#start");
      await visitor.sees("state", "up");
      await visitor.sees("source", "cache");
      await visitor.seesGrow("hits", await visitor.figure("hits"));
      assert.equal(await visitor.messages(), 4);
      await visitor.send("with a cache again");
      await visitor.sees("source", "cache");
      await visitor.screenshot("4-cached-again");
    });

    test("no request has failed, and the session ends where it should", async () => {
      assert.equal(await visitor.figure("failed"), 0);
      await visitor.page.click("#logout");
      await visitor.page.locator("#login").waitFor();
      await visitor.page.reload();
      await visitor.page.locator("#login").waitFor();
      assert.deepEqual(visitor.failures, []);
    });
  });
}
