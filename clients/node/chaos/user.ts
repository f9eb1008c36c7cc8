/**
 * user.ts: a virtual user, who knows what must be there and checks every answer.
 *
 * A write whose request failed may have been carried out or not, so two states
 * are possible until the next read, which settles it. Until then the user does
 * not write there again.
 *
 * Invariant: a user has one request under way at a time, so what it has written
 * is exactly what it must read.
 */

import { randomUUID } from "node:crypto";

import { pause } from "./random.js";
import { Client, type Outcomes } from "./http.js";

const THINK_MS = [50, 250] as const; // between two requests of a user

interface Me {
  readonly user: string | null;
  readonly since: string | null;
}
interface Messages {
  readonly messages: { id: string; text: string }[];
}

/** What one thing of the user may be, as text. */
class Expected {
  #possible: string[];

  constructor(value: unknown) {
    this.#possible = [JSON.stringify(value)];
  }

  get isCertain(): boolean {
    return this.#possible.length === 1;
  }

  /** Only while it is certain. */
  get value(): unknown {
    return JSON.parse(this.#possible[0]!) as unknown;
  }

  written(value: unknown, succeeded: boolean): void {
    const text = JSON.stringify(value);
    if (succeeded) this.#possible = [text];
    else this.#possible.push(text);
  }

  /** Whether it may be what was read; it is certain afterwards. */
  read(value: unknown): boolean {
    const text = JSON.stringify(value);
    const right = this.#possible.includes(text);
    this.#possible = [text];
    return right;
  }

  toString(): string {
    return this.#possible.join(" or ");
  }
}

export class User {
  readonly #name: string;
  readonly #client: Client;
  readonly #messages = new Expected([]);
  readonly #profile = new Expected(null);
  #since: string | undefined;
  reads = 0;
  readonly wrong: string[] = [];

  constructor(name: string, url: string, outcomes: Outcomes) {
    this.#name = name;
    this.#client = new Client(url, outcomes);
  }

  /** Uses the application until it is told to stop. */
  async live(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      await this.#act();
      await pause(...THINK_MS);
    }
  }

  /** Reads everything; false if a request failed. */
  async checkAll(): Promise<boolean> {
    if (this.#since === undefined && !(await this.#logIn())) return false;
    return (await this.#readMe()) && (await this.#readMessages()) && (await this.#readProfile());
  }

  async #act(): Promise<unknown> {
    if (this.#since === undefined) return this.#logIn();
    if (!this.#messages.isCertain) return this.#readMessages();
    if (!this.#profile.isCertain) return this.#readProfile();
    const dice = Math.random();
    if (dice < 0.4) return this.#readMessages();
    if (dice < 0.55) return this.#readProfile();
    if (dice < 0.65) return this.#readMe();
    if (dice < 0.85) return this.#send();
    if (dice < 0.94) return this.#changeProfile();
    if (dice < 0.97) return this.#clear();
    return this.#logOut();
  }

  async #logIn(): Promise<boolean> {
    this.#client.cookie = undefined; // of an attempt that failed
    const answer = await this.#client.request<Me>("POST", "/api/login", { name: this.#name });
    this.#since = answer?.since ?? undefined;
    return answer !== undefined;
  }

  /** A session that has ended stays ended, although its cookie is still known. */
  async #logOut(): Promise<void> {
    const { cookie } = this.#client;
    const answer = await this.#client.request("POST", "/api/logout", {});
    this.#since = undefined;
    if (!answer) return;
    const me = await this.#client.request<Me>("GET", "/api/me", undefined, cookie);
    if (me) this.#check(me.user === null, `${String(me.user)} is logged in after logging out`);
  }

  async #readMe(): Promise<boolean> {
    const me = await this.#client.request<Me>("GET", "/api/me");
    if (me) this.#check(me.user === this.#name && me.since === this.#since, `session ${JSON.stringify(me)}, not since ${this.#since ?? ""}`);
    return me !== undefined;
  }

  async #readMessages(): Promise<boolean> {
    const answer = await this.#client.request<Messages>("GET", "/api/messages");
    if (!answer) return false;
    const before = String(this.#messages);
    const read = answer.messages.map(({ id, text }) => ({ id, text }));
    this.#check(this.#messages.read(read), `messages ${JSON.stringify(read)}, not ${before}`);
    return true;
  }

  async #send(): Promise<void> {
    const message = { id: randomUUID(), text: `${this.#name} says ${Math.random()}` };
    const answer = await this.#client.request("POST", "/api/messages", message);
    this.#messages.written([...(this.#messages.value as unknown[]), message], answer !== undefined);
  }

  async #clear(): Promise<void> {
    this.#messages.written([], (await this.#client.request("DELETE", "/api/messages")) !== undefined);
  }

  async #readProfile(): Promise<boolean> {
    const profile = await this.#client.request("GET", "/api/profile");
    if (profile === undefined) return false;
    const before = String(this.#profile);
    this.#check(this.#profile.read(profile), `profile ${JSON.stringify(profile)}, not ${before}`);
    return true;
  }

  async #changeProfile(): Promise<void> {
    const profile = { name: this.#name, about: randomUUID() };
    this.#profile.written(profile, (await this.#client.request("PUT", "/api/profile", profile)) !== undefined);
  }

  #check(right: boolean, what: string): void {
    this.reads++;
    if (!right) this.wrong.push(`${this.#name}: ${what}`);
  }
}
