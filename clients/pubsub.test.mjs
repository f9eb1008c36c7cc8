// Publish and subscribe with ioredis and node-redis, and the Socket.IO adapter, which is what most servers use them for.

import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import { after, test } from "node:test";

import { createAdapter, createShardedAdapter } from "@socket.io/redis-adapter";
import IORedis from "ioredis5";
import { createClient } from "redis";
import { Server } from "socket.io";
import { io as connect } from "socket.io-client";

import { emitted, eventually, everyByte, plain } from "./support.mjs";

const closing = [];
after(async () => {
  for (const close of closing.reverse()) await close();
});

function ioredis() {
  const client = new IORedis({ ...plain(), lazyConnect: false });
  closing.push(() => client.disconnect());
  return client;
}

async function nodeRedis(RESP) {
  const { host, port } = plain();
  const client = createClient({ socket: { host, port }, RESP });
  client.on("error", () => {});
  await client.connect();
  closing.push(() => client.close());
  return client;
}

test("ioredis: channels, patterns and binary messages", async () => {
  const [sub, pub] = [ioredis(), ioredis()];
  assert.equal(await sub.subscribe("io:a", "io:b"), 2);
  assert.equal(await sub.psubscribe("io:*"), 3);
  const seen = [];
  sub.on("messageBuffer", (channel, message) => seen.push(["m", String(channel), message]));
  sub.on("pmessageBuffer", (pattern, channel, message) => seen.push([String(pattern), String(channel), message]));
  assert.equal(await pub.publish("io:a", everyByte), 2);
  assert.equal(await pub.publish("io:c", "x"), 1);
  await eventually(() => seen.length === 3, "three messages");
  assert.deepEqual(seen, [["m", "io:a", everyByte], ["io:*", "io:a", everyByte], ["io:*", "io:c", Buffer.from("x")]]);
  await assert.rejects(sub.get("k"), /subscriber mode/);
  await sub.unsubscribe("io:a", "io:b");
  await sub.punsubscribe("io:*");
  assert.equal(await sub.set("io:key", "v"), "OK");
  assert.equal(await pub.publish("io:a", "nobody"), 0);
});

test("ioredis: a subscriber that is cut subscribes anew", async () => {
  const [sub, pub] = [ioredis(), ioredis()];
  await sub.subscribe("io:again");
  await pub.client("KILL", "TYPE", "pubsub");
  await eventually(async () => (await pub.publish("io:again", "x")) === 1, "subscribed anew");
});

for (const RESP of [2, 3]) {
  test(`node-redis, RESP${RESP}: channels, patterns and shard channels`, async () => {
    const [sub, pub] = [await nodeRedis(RESP), await nodeRedis(RESP)];
    const seen = [];
    const listener = (message, channel) => seen.push([channel, message]);
    await sub.subscribe("nr:a", listener);
    await sub.pSubscribe("nr:*", listener);
    await sub.sSubscribe("nr:s", listener);
    assert.equal(await pub.publish("nr:a", "1"), 2);
    assert.equal(await pub.sPublish("nr:s", "2"), 1);
    await eventually(() => seen.length === 3, "three messages");
    assert.deepEqual(seen, [["nr:a", "1"], ["nr:a", "1"], ["nr:s", "2"]]);
    assert.deepEqual(await pub.pubSubChannels("nr:*"), ["nr:a"]);
    if (RESP === 3) assert.equal(await sub.set("nr:key", "v"), "OK");
    await sub.unsubscribe("nr:a");
    await sub.pUnsubscribe();
    await sub.sUnsubscribe("nr:s");
    assert.equal(await pub.publish("nr:a", "nobody"), 0);
    assert.equal(String(await sub.set("nr:key", "v")), "OK"); // a buffer, in RESP2, right after subscriber mode
  });

  test(`node-redis, RESP${RESP}: events of keys`, async () => {
    const [sub, client] = [await nodeRedis(RESP), await nodeRedis(RESP)];
    await client.configSet("notify-keyspace-events", "Ex");
    const gone = new Promise((resolve) => sub.subscribe("__keyevent@0__:expired", resolve));
    await eventually(async () => (await client.pubSubNumSub(["__keyevent@0__:expired"]))["__keyevent@0__:expired"] > 0, "subscribed");
    await client.set("nr:short", "v", { PX: 20 });
    assert.equal(await gone, "nr:short");
    await client.configSet("notify-keyspace-events", "");
  });
}

// Two Socket.IO servers that know of each other through Redis only, and a client of each.
for (const [name, adapter] of [["adapter", createAdapter], ["sharded adapter", createShardedAdapter]]) {
  test(`Socket.IO: ${name}`, async () => {
    const nodes = [];
    for (let i = 0; i < 2; i++) {
      const [pub, sub] = [await nodeRedis(2), await nodeRedis(2)];
      const server = http.createServer().listen(0, "127.0.0.1");
      await once(server, "listening");
      const node = new Server(server, { adapter: adapter(pub, sub), transports: ["websocket"] });
      node.on("connection", (socket) => socket.on("join", (room, done) => { socket.join(room); done(); }));
      const client = connect(`http://127.0.0.1:${server.address().port}`, { transports: ["websocket"], forceNew: true });
      closing.push(() => { client.disconnect(); return node.close(); });
      await emitted(client, "connect");
      nodes.push({ node, client });
    }
    const [a, b] = nodes;
    await eventually(async () => (await a.node.fetchSockets()).length === 2, "the servers see each other's clients");
    const everybody = nodes.map(({ client }) => emitted(client, "news"));
    a.node.emit("news", { bytes: Buffer.from([0, 255]), text: "hello" });
    for (const got of await Promise.all(everybody)) {
      assert.deepEqual(got, { bytes: Buffer.from([0, 255]), text: "hello" });
    }
    await b.client.emitWithAck("join", "room");
    const inRoom = emitted(b.client, "room news");
    a.client.once("room news", () => assert.fail("not in the room"));
    a.node.to("room").emit("room news", 1);
    assert.equal(await inRoom, 1);
    assert.equal((await a.node.in("room").fetchSockets()).length, 1);
  });
}
