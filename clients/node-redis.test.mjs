// node-redis (the package "redis"), on RESP2 and on RESP3, which is its default.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createClient, createClientPool, ErrorReply, RESP_TYPES } from "redis";
import {
  Relay, emitted, eventually, everyByte, hasClientSetInfo, locked, parseClientInfo, plain, socketPath, tls,
} from "./support.mjs";

const protocols = [
  { name: "default options", resp: 3, options: {} },
  { name: "RESP2", resp: 2, options: { RESP: 2 } },
  { name: "RESP3", resp: 3, options: { RESP: 3 } },
];

for (const { name, resp, options } of protocols) {
  const connect = async (t, extra = {}) => {
    const client = createClient({ ...options, socket: plain(), ...extra });
    client.on("error", () => {});
    t.after(() => client.destroy());
    return client.connect();
  };
  describe(`node-redis, ${name}: connection`, () => connectionTests(connect, resp));
  describe(`node-redis, ${name}: commands`, () => commandTests(connect, options));
  describe(`node-redis, ${name}: failures`, () => failureTests(connect));
}

function connectionTests(connect, resp) {
  test("the protocol is the wanted one", async (t) => {
    const client = await connect(t);
    assert.equal(await client.ping(), "PONG");
    assert.equal(parseClientInfo(await client.sendCommand(["CLIENT", "INFO"])).resp, String(resp));
  });

  test("name, database and URL take effect", async (t) => {
    const { host, port } = plain();
    const client = await connect(t, { socket: undefined, url: `redis://${host}:${port}/5`, name: "worker" });
    const info = await client.clientInfo();
    assert.equal(info.db, 5);
    assert.equal(info.name, "worker");
    assert.equal(await client.clientGetName(), "worker");
    assert.equal(info.id, await client.clientId());
  });

  test("the client introduces itself", async (t) => {
    const client = await connect(t);
    if (!hasClientSetInfo(await client.info("server"))) return;
    const info = parseClientInfo(await client.sendCommand(["CLIENT", "INFO"]));
    assert.equal(info["lib-name"], "node-redis");
    assert.match(info["lib-ver"], /^6\.\d+\.\d+$/);
  });

  test("password, Unix socket and TLS work", async (t) => {
    const { password, ...socket } = locked();
    const secret = await connect(t, { socket, password });
    assert.equal(await secret.ping(), "PONG");
    const local = await connect(t, { socket: { path: socketPath() } });
    assert.equal(await local.echo("near"), "near");
    const safe = await connect(t, { socket: { ...tls(), tls: true } });
    assert.equal(await safe.echo("hidden"), "hidden");
  });

  test("a wrong password is refused", async (t) => {
    const { password, ...socket } = locked();
    await assert.rejects(
      connect(t, { socket: { ...socket, reconnectStrategy: false }, password: `not ${password}` }),
      /WRONGPASS invalid username-password pair or user is disabled\./,
    );
  });
}

function commandTests(connect, options) {
  test("setEx, get and ttl", async (t) => {
    const client = await connect(t);
    assert.equal(await client.setEx("session", 300, "data"), "OK");
    assert.equal(await client.get("session"), "data");
    const ttl = await client.ttl("session");
    assert.ok(ttl > 290 && ttl <= 300, `ttl is ${ttl}`);
    assert.equal(await client.get("missing"), null);
  });

  test("a transaction, and one whose key was changed", async (t) => {
    const client = await connect(t);
    assert.deepEqual(await client.multi().set("multi", "1").incr("multi").get("multi").exec(), ["OK", 2, "2"]);
    await client.watch("multi");
    await (await connect(t)).set("multi", "3");
    await assert.rejects(client.multi().set("multi", "4").exec(), /One \(or more\) of the watched keys has been changed/);
    assert.equal(await client.get("multi"), "3");
  });

  test("SET with its options", async (t) => {
    const client = await connect(t);
    await client.del("options");
    assert.equal(await client.set("options", "1", { condition: "NX", expiration: { type: "PX", value: 60_000 } }), "OK");
    assert.equal(await client.set("options", "2", { condition: "NX" }), null);
    assert.equal(await client.set("options", "2", { expiration: "KEEPTTL", GET: true }), "1");
    assert.ok((await client.pTTL("options")) > 50_000);
    assert.equal(await client.incrByFloat("options", 0.5), "2.5");
  });

  test("1,000 commands in one tick are answered in order", async (t) => {
    const client = await connect(t);
    const numbers = Array.from({ length: 1000 }, (_, i) => i);
    await Promise.all(numbers.map((i) => client.set(`many:${i}`, String(i))));
    assert.deepEqual(await Promise.all(numbers.map((i) => client.get(`many:${i}`))), numbers.map(String));
    assert.deepEqual(await client.mGet(numbers.map((i) => `many:${i}`)), numbers.map(String));
  });

  test("scanIterator returns every key", async (t) => {
    const client = await connect(t, { database: 11 });
    const keys = Array.from({ length: 500 }, (_, i) => `iterate:${i}`);
    await client.mSet(keys.map((key) => [key, "x"]));
    const seen = new Set();
    for await (const batch of client.scanIterator({ MATCH: "iterate:*", COUNT: 20, TYPE: "string" })) {
      for (const key of batch) seen.add(key);
    }
    assert.deepEqual([...seen].sort(), keys.sort());
  });

  test("buffers are binary safe", async (t) => {
    const client = (await connect(t)).withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
    await client.set("buffer", everyByte);
    assert.deepEqual(await client.get("buffer"), everyByte);
  });

  test("maps have the same form in both protocols", async (t) => {
    const client = await connect(t);
    assert.deepEqual({ ...(await client.configGet("databases")) }, { databases: "16" });
  });

  test("a pool of clients shares the work", async (t) => {
    const pool = createClientPool({ ...options, socket: plain() }, { minimum: 2, maximum: 5 });
    pool.on("error", () => {});
    await pool.connect();
    t.after(() => pool.destroy());
    await pool.del("pooled");
    await Promise.all(Array.from({ length: 200 }, () => pool.incr("pooled")));
    assert.equal(await pool.get("pooled"), "200");
  });
}

function failureTests(connect) {
  test("errors are ErrorReply with the text of the server", async (t) => {
    const client = await connect(t);
    await client.set("word", "abc");
    for (const [command, message] of [
      [["INCR", "word"], "ERR value is not an integer or out of range"],
      [["NOSUCH"], "ERR unknown command 'NOSUCH', with args beginning with: "],
      [["GET"], "ERR wrong number of arguments for 'get' command"],
      [["CLIENT", "NOSUCH"], "ERR unknown subcommand 'NOSUCH'. Try CLIENT HELP."],
    ]) {
      await assert.rejects(client.sendCommand(command), (error) => {
        assert.ok(error instanceof ErrorReply);
        assert.equal(error.message, message);
        return true;
      });
    }
  });

  test("the legacy interface hands errors to callbacks", async (t) => {
    const client = await connect(t);
    const legacy = client.legacy();
    const call = (...command) =>
      new Promise((resolve) => legacy.sendCommand(command, (error, reply) => resolve({ error, reply })));
    assert.deepEqual(await call("SET", "legacy", "abc"), { error: null, reply: "OK" });
    const { error } = await call("INCR", "legacy");
    assert.equal(error.message, "ERR value is not an integer or out of range");
  });

  test("a killed client reconnects", async (t) => {
    const client = await connect(t);
    const killer = await connect(t);
    const id = await client.clientId();
    const ready = emitted(client, "ready");
    assert.equal(await killer.clientKill({ filter: "ID", id }), 1);
    await ready;
    assert.ok((await client.clientId()) > id);
  });

  test("commands wait while the server is away", async (t) => {
    const relay = await Relay.reserve(plain());
    t.after(() => relay.close());
    await relay.listen();
    const socket = { host: "127.0.0.1", port: relay.port, reconnectStrategy: () => 20 };
    const client = await connect(t, { socket });
    await client.set("away", "1");
    await relay.close();
    await eventually(() => !client.isReady, "the client notices the loss");
    const reply = client.incr("away");
    await relay.listen();
    assert.equal(await reply, 2);
  });
}
