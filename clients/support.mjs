// What the suites share: where the servers are, and small test equipment.
//
// A suite never starts a server. It finds the servers through environment
// variables, which clients_test.go sets, so that it runs against any
// Redis-compatible server. Every server is private to the suite: a test may
// write where it likes, as long as it uses keys of its own.

import { once } from "node:events";
import { readFileSync } from "node:fs";
import net from "node:net";

function required(name) {
  const value = process.env[name];
  if (!value) throw new Error(`environment variable ${name} is not set`);
  return value;
}

function address(name) {
  const text = required(name);
  const colon = text.lastIndexOf(":");
  return { host: text.slice(0, colon), port: Number(text.slice(colon + 1)) };
}

// RESPITE_ADDR: a server without a password.
export const plain = () => address("RESPITE_ADDR");

// RESPITE_SOCKET: the path of its Unix socket.
export const socketPath = () => required("RESPITE_SOCKET");

// RESPITE_TLS_ADDR, RESPITE_TLS_CA: its TLS port and the PEM file to trust.
export const tls = () => ({ ...address("RESPITE_TLS_ADDR"), ca: readFileSync(required("RESPITE_TLS_CA")) });

// RESPITE_AUTH_ADDR, RESPITE_PASSWORD: another server, with requirepass.
export const locked = () => ({ ...address("RESPITE_AUTH_ADDR"), password: required("RESPITE_PASSWORD") });

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Every byte value, with the sequences that break text handling: CRLF, NUL and
// bytes that are not UTF-8.
export const everyByte = Buffer.concat([
  Buffer.from(Array.from({ length: 256 }, (_, i) => i)),
  Buffer.from("\r\n\0\r\n$5\r\n"),
]);

// Resolves at the next event of that name. Unlike once() of node:events it does
// not fail when the emitter reports an error before, as reconnecting clients do.
export const emitted = (emitter, name) => new Promise((resolve) => emitter.once(name, resolve));

// Polls until probe() is true; fails after limit milliseconds.
export async function eventually(probe, what, limit = 5000) {
  const deadline = Date.now() + limit;
  while (!(await probe())) {
    if (Date.now() > deadline) throw new Error(`not within ${limit} ms: ${what}`);
    await sleep(10);
  }
}

// The fields of a CLIENT INFO line ("id=3 addr=127.0.0.1:1 ...") as an object.
export function parseClientInfo(line) {
  return Object.fromEntries(
    line.trim().split(" ").map((field) => {
      const equals = field.indexOf("=");
      return [field.slice(0, equals), field.slice(equals + 1)];
    }),
  );
}

// CLIENT SETINFO and the fields that it fills exist since Redis 7.2.
export function hasClientSetInfo(info) {
  const [, major, minor] = /redis_version:(\d+)\.(\d+)/.exec(info);
  return Number(major) > 7 || (Number(major) === 7 && Number(minor) >= 2);
}

// A relay in front of the server, with which a test decides when the server
// can be reached. Its port is reserved first, and refused until listen().
export class Relay {
  #sockets = new Set();
  #server;

  static async reserve(target) {
    const relay = new Relay(target);
    const probe = net.createServer().listen(0, "127.0.0.1");
    await once(probe, "listening");
    relay.port = probe.address().port;
    await new Promise((resolve) => probe.close(resolve));
    return relay;
  }

  constructor(target) {
    this.target = target;
  }

  async listen() {
    this.#server = net.createServer((near) => this.#join(near)).listen(this.port, "127.0.0.1");
    await once(this.#server, "listening");
  }

  // Cuts all connections and refuses new ones.
  async close() {
    const closed = this.#server && new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
    this.#server = undefined;
  }

  #join(near) {
    const far = net.connect(this.target.port, this.target.host);
    const pair = [near, far];
    for (const socket of pair) {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      socket.on("error", () => {});
      socket.on("close", () => {
        this.#sockets.delete(socket);
        for (const other of pair) other.destroy();
      });
    }
    near.pipe(far).pipe(near);
  }
}
