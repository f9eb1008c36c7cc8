// What applications rely on in ioredis, for any of its versions. Nothing here
// is adapted to the server: the clients are the published packages with their
// default options, except where an option is what a test is about.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  Relay, emitted, eventually, everyByte, hasClientSetInfo, locked, parseClientInfo, plain, socketPath, tls,
} from "./support.mjs";

// defaultProtocol is the RESP version that the client must end up with;
// options are merged into those of every connection.
export function ioredisSuite(name, Redis, { defaultProtocol, options = {} }) {
  const connect = (t, extra = {}) => {
    const redis = new Redis({ ...plain(), ...options, ...extra });
    t.after(() => redis.disconnect());
    return redis;
  };

  describe(`${name}: connection`, () => connectionTests(connect, defaultProtocol));
  describe(`${name}: commands`, () => commandTests(connect));
  describe(`${name}: pipelines`, () => pipelineTests(connect));
  describe(`${name}: reconnection`, () => reconnectionTests(connect));
  describe(`${name}: authentication`, () => authenticationTests(connect, Redis, options));
  describe(`${name}: transports`, () => transportTests(connect, Redis, options));
}

function connectionTests(connect, defaultProtocol) {
  test("default options pass the ready check", async (t) => {
    const redis = connect(t);
    await emitted(redis, "ready");
    assert.equal(await redis.ping(), "PONG");
    const client = parseClientInfo(await redis.client("INFO"));
    assert.equal(client.resp, String(defaultProtocol));
  });

  test("the client introduces itself", async (t) => {
    const redis = connect(t);
    if (!hasClientSetInfo(await redis.info("server"))) return;
    const client = parseClientInfo(await redis.client("INFO"));
    assert.equal(client["lib-name"], "ioredis");
    assert.match(client["lib-ver"], /^[56]\.\d+\.\d+$/);
  });

  test("commands wait in the offline queue until the connection is ready", async (t) => {
    const redis = connect(t);
    const replies = Promise.all([redis.set("offline", "1"), redis.incr("offline"), redis.get("offline")]);
    assert.notEqual(redis.status, "ready");
    assert.deepEqual(await replies, ["OK", 2, "2"]);
  });

  test("lazyConnect connects with the first command", async (t) => {
    const redis = connect(t, { lazyConnect: true });
    assert.equal(redis.status, "wait");
    assert.equal(await redis.echo("hello"), "hello");
  });

  test("db selects the database", async (t) => {
    const first = connect(t);
    const other = connect(t, { db: 9 });
    await first.set("where", "db0");
    await other.set("where", "db9");
    assert.equal(await first.get("where"), "db0");
    assert.equal(await other.get("where"), "db9");
    assert.equal(parseClientInfo(await other.client("INFO")).db, "9");
    await other.select(0);
    assert.equal(await other.get("where"), "db0");
  });

  test("connectionName is the name of the client", async (t) => {
    const redis = connect(t, { connectionName: "billing" });
    assert.equal(await redis.client("GETNAME"), "billing");
    assert.match(await redis.client("LIST"), / name=billing /);
  });

  test("QUIT is answered and ends the connection", async (t) => {
    const redis = connect(t);
    await redis.ping();
    const ended = emitted(redis, "end");
    assert.equal(await redis.quit(), "OK");
    await ended;
  });
}

function commandTests(connect) {
  test("a session is stored with its time to live", async (t) => {
    const redis = connect(t);
    const session = JSON.stringify({ user: 17, roles: ["reader"], name: "Zoë" });
    assert.equal(await redis.setex("session:17", 3600, session), "OK");
    assert.equal(await redis.get("session:17"), session);
    const ttl = await redis.ttl("session:17");
    assert.ok(ttl > 3590 && ttl <= 3600, `ttl is ${ttl}`);
    assert.equal(await redis.del("session:17"), 1);
    assert.equal(await redis.exists("session:17"), 0);
  });

  test("a key is gone when its time has come, and not before", async (t) => {
    const redis = connect(t);
    const lifetime = 150;
    await redis.set("brief", "x", "PX", lifetime);
    const start = Date.now();
    await eventually(async () => (await redis.get("brief")) === null, "brief expires");
    const lived = Date.now() - start;
    assert.ok(lived >= lifetime - 30, `expired after ${lived} ms`);
    assert.equal(await redis.pttl("brief"), -2);
  });

  test("values are binary safe", async (t) => {
    const redis = connect(t);
    await redis.set("binary", everyByte);
    assert.deepEqual(await redis.getBuffer("binary"), everyByte);
    assert.equal(await redis.strlen("binary"), everyByte.length);
    const big = Buffer.alloc(1 << 20, everyByte);
    await redis.set(everyByte, big);
    assert.ok(big.equals(await redis.getBuffer(everyByte)));
  });

  test("keyPrefix is put before every key", async (t) => {
    const prefixed = connect(t, { keyPrefix: "app:" });
    const bare = connect(t);
    await prefixed.mset({ a: "1", b: "2" });
    assert.deepEqual(await bare.mget("app:a", "app:b"), ["1", "2"]);
    assert.deepEqual(await prefixed.mget("a", "b", "c"), ["1", "2", null]);
    assert.equal(await prefixed.del("a", "b"), 2);
  });

  test("scanStream returns every key once or more", async (t) => {
    const redis = connect(t, { db: 8 });
    const keys = Array.from({ length: 1000 }, (_, i) => `scan:${i}`);
    await redis.mset(...keys.flatMap((key) => [key, key]));
    await redis.set("other", "x");
    const seen = new Set();
    for await (const batch of redis.scanStream({ match: "scan:*", count: 50 })) {
      for (const key of batch) seen.add(key);
    }
    assert.deepEqual([...seen].sort(), keys.sort());
  });

  test("errors arrive as ReplyError with the text of the server", async (t) => {
    const redis = connect(t);
    await redis.set("text", "abc");
    const failures = [
      [() => redis.incr("text"), "ERR value is not an integer or out of range"],
      [() => redis.call("GET"), "ERR wrong number of arguments for 'get' command"],
      [() => redis.call("NOSUCH", "a", "b"), "ERR unknown command 'NOSUCH', with args beginning with: 'a' 'b' "],
      [() => redis.set("text", "x", "EX", 0), "ERR invalid expire time in 'set' command"],
      [() => redis.call("SET", "text", "x", "NX", "XX"), "ERR syntax error"],
    ];
    for (const [attempt, message] of failures) {
      await assert.rejects(attempt, (error) => {
        assert.equal(error.name, "ReplyError");
        assert.equal(error.message, message);
        return true;
      });
    }
    assert.equal(await redis.get("text"), "abc");
  });

  test("monitor sees the commands of other clients", async (t) => {
    const redis = connect(t);
    await redis.ping();
    const monitor = await redis.monitor();
    t.after(() => monitor.disconnect());
    const seen = new Promise((resolve) => {
      monitor.on("monitor", (time, args, source, database) => {
        if (args[1] === "watched key") resolve({ time, args, source, database });
      });
    });
    await redis.set("watched key", "va\"lue");
    const { time, args, source, database } = await seen;
    assert.deepEqual(args, ["set", "watched key", "va\"lue"]);
    assert.equal(database, "0");
    assert.match(source, /^127\.0\.0\.1:\d+$/);
    assert.ok(Math.abs(Number(time) - Date.now() / 1000) < 60, `time is ${time}`);
  });
}

function pipelineTests(connect) {
  test("a pipeline of 100 SETs is answered in order", async (t) => {
    const redis = connect(t);
    const pipeline = redis.pipeline();
    for (let i = 0; i < 100; i++) pipeline.set(`pipe:${i}`, `value ${i}`);
    const replies = await pipeline.exec();
    assert.deepEqual(replies, Array(100).fill([null, "OK"]));
    const values = await redis.mget(Array.from({ length: 100 }, (_, i) => `pipe:${i}`));
    assert.deepEqual(values, Array.from({ length: 100 }, (_, i) => `value ${i}`));
  });

  test("a transaction is answered as a whole", async (t) => {
    const redis = connect(t);
    await redis.del("multi:a", "multi:b");
    const replies = await redis.multi().set("multi:a", "1").incr("multi:a").lpush("multi:a", "x").get("multi:b").exec();
    assert.deepEqual(replies.map(([error, reply]) => error?.message ?? reply), [
      "OK", 2, "WRONGTYPE Operation against a key holding the wrong kind of value", null,
    ]);
    await assert.rejects(redis.multi().set("multi:a").exec(), /EXECABORT Transaction discarded because of previous errors/);
  });

  test("a transaction whose key was changed is null", async (t) => {
    const redis = connect(t);
    await redis.watch("multi:a", "multi:c");
    await connect(t).set("multi:c", "2");
    assert.equal(await redis.multi().set("multi:a", "lost").exec(), null);
    await redis.watch("multi:a");
    await redis.multi({ pipeline: false });
    assert.equal(await redis.set("multi:a", "won"), "QUEUED");
    assert.deepEqual(await redis.exec(), [[null, "OK"]]);
  });

  test("an error in a pipeline stays in its place", async (t) => {
    const redis = connect(t);
    const replies = await redis
      .pipeline()
      .set("mixed", "a")
      .incr("mixed")
      .get("mixed")
      .call("NOSUCH")
      .strlen("mixed")
      .exec();
    assert.deepEqual(replies.map(([error]) => error?.message), [
      undefined,
      "ERR value is not an integer or out of range",
      undefined,
      "ERR unknown command 'NOSUCH', with args beginning with: ",
      undefined,
    ]);
    assert.deepEqual(replies.map(([, reply]) => reply), ["OK", undefined, "a", undefined, 1]);
  });

  test("autopipelining: 10,000 mixed commands over 5 clients", async (t) => {
    const clients = Array.from({ length: 5 }, () => connect(t, { enableAutoPipelining: true }));
    await Promise.all(clients.map((client) => client.del("auto:shared")));
    const perClient = 2000;
    await Promise.all(clients.map((client, c) => mixedCommands(client, c, perClient)));
    const increments = (clients.length * perClient) / 5;
    assert.equal(await clients[0].get("auto:shared"), String(increments));
  });
}

// Issues count commands without waiting in between, five kinds in turn, and
// checks each reply. Auto-pipelining keeps the order of the calls of one tick.
async function mixedCommands(client, c, count) {
  const last = { shared: 0 };
  const checks = [];
  const expect = (reply, want) => checks.push(reply.then((got) => assert.deepEqual(got, want)));
  for (let i = 0; i < count; i += 5) {
    const key = `auto:${c}:${i}`;
    expect(client.set(key, `v${i}`), "OK");
    expect(client.append(key, "!"), `v${i}!`.length);
    expect(client.get(key), `v${i}!`);
    expect(client.mget(key, `auto:${c}:none`), [`v${i}!`, null]);
    checks.push(client.incr("auto:shared").then((got) => {
      assert.ok(got > last.shared, `the counter went from ${last.shared} to ${got}`);
      last.shared = got;
    }));
  }
  assert.equal(checks.length, count);
  await Promise.all(checks);
}

function reconnectionTests(connect) {
  const quickly = { retryStrategy: () => 20 };

  test("commands given while the server is down are run when it is up", async (t) => {
    const relay = await Relay.reserve(plain());
    t.after(() => relay.close());
    const redis = connect(t, { host: "127.0.0.1", port: relay.port, maxRetriesPerRequest: null, ...quickly });
    redis.on("error", () => {});
    const reply = redis.set("late", "here");
    await emitted(redis, "reconnecting");
    await relay.listen();
    assert.equal(await reply, "OK");
    assert.equal(await redis.get("late"), "here");
  });

  test("a lost connection is restored with its database and name", async (t) => {
    const relay = await Relay.reserve(plain());
    t.after(() => relay.close());
    await relay.listen();
    const redis = connect(t, { host: "127.0.0.1", port: relay.port, db: 7, connectionName: "back", ...quickly });
    redis.on("error", () => {});
    await redis.set("kept", "yes");
    await relay.close();
    await emitted(redis, "reconnecting");
    await relay.listen();
    assert.equal(await redis.get("kept"), "yes");
    assert.equal(await redis.client("GETNAME"), "back");
  });

  test("retryStrategy is asked after a client has killed itself", async (t) => {
    const attempts = [];
    const redis = connect(t, {
      retryStrategy: (times) => {
        attempts.push(times);
        return 20;
      },
    });
    const id = await redis.client("ID");
    const ready = emitted(redis, "ready");
    assert.equal(await redis.client("KILL", "ID", id, "SKIPME", "no"), 1);
    await ready;
    assert.equal(attempts[0], 1);
    assert.ok((await redis.client("ID")) > id);
  });

  test("a client that another one killed comes back", async (t) => {
    const redis = connect(t, quickly);
    const killer = connect(t);
    await redis.set("survivor", "1");
    const id = await redis.client("ID");
    const ready = emitted(redis, "ready");
    assert.equal(await killer.client("KILL", "ID", id), 1);
    await ready;
    assert.equal(await redis.incr("survivor"), 2);
  });
}

function authenticationTests(connect, Redis, options) {
  test("the right password opens", async (t) => {
    const redis = connect(t, locked());
    assert.equal(await redis.set("secret", "1"), "OK");
  });

  test("user and password open", async (t) => {
    const redis = connect(t, { ...locked(), username: "default" });
    assert.equal(await redis.ping(), "PONG");
  });

  test("the password may come in a URL", async (t) => {
    const { host, port, password } = locked();
    const redis = new Redis(`redis://:${password}@${host}:${port}/3`, options);
    t.after(() => redis.disconnect());
    assert.equal(parseClientInfo(await redis.client("INFO")).db, "3");
  });

  test("a wrong password is reported as WRONGPASS", async (t) => {
    const redis = connect(t, { ...locked(), password: "wrong", retryStrategy: null });
    const error = await emitted(redis, "error");
    assert.equal(error.message, "WRONGPASS invalid username-password pair or user is disabled.");
  });

  test("no password is reported as NOAUTH", async (t) => {
    const redis = connect(t, { ...locked(), password: undefined, enableReadyCheck: false, retryStrategy: null });
    redis.on("error", () => {});
    await assert.rejects(redis.get("secret"), (error) => {
      assert.match(error.message, /NOAUTH/);
      return true;
    });
  });
}

function transportTests(connect, Redis, options) {
  test("the Unix socket serves", async (t) => {
    const redis = new Redis(socketPath(), options);
    t.after(() => redis.disconnect());
    assert.equal(await redis.set("unix", "1"), "OK");
    assert.match(await redis.client("INFO"), /addr=\S*respite\.sock:0/);
  });

  test("TLS serves", async (t) => {
    const { host, port, ca } = tls();
    const redis = connect(t, { host, port, tls: { ca } });
    const value = "x".repeat(100_000);
    assert.equal(await redis.set("tls", value), "OK");
    assert.equal(await redis.get("tls"), value);
    const replies = await Promise.all(Array.from({ length: 1000 }, (_, i) => redis.echo(String(i))));
    assert.deepEqual(replies, Array.from({ length: 1000 }, (_, i) => String(i)));
  });

  test("a certificate that nobody vouches for is refused by the client", async (t) => {
    const { host, port } = tls();
    const redis = connect(t, { host, port, tls: {}, retryStrategy: null });
    const error = await emitted(redis, "error");
    assert.match(error.code, /SELF_SIGNED|UNABLE_TO_VERIFY/);
  });
}
