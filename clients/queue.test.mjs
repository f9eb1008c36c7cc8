// A reliable work queue as it is built on lists: BLMOVE takes a job into the worker's own list, LREM removes it when it is done, and
// whoever finds a dead worker's list moves what is in it back. Pub/sub says what was done. Workers crash in the middle of
// jobs; nothing may be lost, and nothing done twice that was not recovered.

import assert from "node:assert/strict";
import { test } from "node:test";

import IORedis from "ioredis5";

import { eventually, plain, sleep } from "./support.mjs";

const connect = () => {
  const client = new IORedis({ ...plain(), maxRetriesPerRequest: null, retryStrategy: null });
  client.on("error", () => {});
  return client;
};

function client(t) {
  const c = connect();
  t.after(() => c.disconnect());
  return c;
}

// A worker, which crashes with a job in its hands after so many.
class Worker {
  constructor(queue, name, lives) {
    Object.assign(this, { queue, own: `${queue}:of:${name}`, lives, redis: connect(), stopped: false });
    this.over = this.run().catch((err) => {
      if (!this.stopped && !/closed/i.test(err.message)) throw err;
    });
  }

  async run() {
    const { redis, queue, own } = this;
    await redis.set(`${own}:alive`, 1, "PX", 60000);
    await redis.sadd(`${queue}:workers`, own);
    while (!this.stopped) {
      const job = await redis.blmove(queue, own, "RIGHT", "LEFT", 1);
      if (job === null) continue;
      if (this.lives-- === 0) return this.crash();
      if (Math.random() < 0.3) await sleep(1);
      const [[, removed]] = await redis.multi().lrem(own, 1, job).hincrby(`${queue}:done`, job, 1).publish(`${queue}:events`, job).exec();
      assert.equal(removed, 1);
    }
  }

  // The socket goes without a word.
  async crash() {
    this.stopped = true;
    await this.redis.del(`${this.own}:alive`);
    this.redis.stream.destroy();
  }

  stop() {
    this.stopped = true;
    this.redis.disconnect();
    return this.over;
  }
}

// Moves the jobs of workers that are dead back, oldest first, and returns how many.
async function recover(redis, queue) {
  let moved = 0;
  for (const own of await redis.smembers(`${queue}:workers`)) {
    if (await redis.exists(`${own}:alive`)) continue;
    while ((await redis.lmove(own, queue, "LEFT", "RIGHT")) !== null) moved++;
    await redis.srem(`${queue}:workers`, own);
  }
  return moved;
}

test("BLMOVE and LREM: workers crash, and every job is done once", { timeout: 50000 }, async (t) => {
  const jobs = 400;
  const [redis, ear] = [client(t), client(t)];
  const events = [];
  ear.on("message", (_, job) => events.push(job));
  await ear.subscribe("wq:events");

  const workers = Array.from({ length: 6 }, (_, i) => new Worker("wq", `w${i}`, i < 4 ? 20 + 10 * i : Infinity));
  const producers = [client(t), client(t)].map(async (p, n) => {
    for (let i = n; i < jobs; i += 2) await p.lpush("wq", `job:${i}`);
  });
  await Promise.all(producers);
  let recovered = 0;
  await eventually(async () => {
    recovered += await recover(redis, "wq");
    return (await redis.hlen("wq:done")) === jobs && recovered >= 4;
  }, "all jobs are done", 20000);
  await Promise.all(workers.map((w) => w.stop()));

  const done = await redis.hgetall("wq:done");
  assert.equal(Object.keys(done).length, jobs);
  for (const [job, times] of Object.entries(done)) assert.equal(times, "1", job);
  assert.equal(recovered, 4);
  assert.equal(await redis.llen("wq"), 0);
  await eventually(() => events.length === jobs, "every job was told of");
  assert.equal(new Set(events).size, jobs);
});

test("BRPOP: every job goes to one worker, in order, though workers come and go", { timeout: 50000 }, async (t) => {
  const jobs = 300;
  const got = [];
  let going = true;
  const worker = async () => {
    while (going) {
      const redis = connect();
      for (let i = 0; i < 15 && going; i++) {
        const answer = await redis.brpop("bq:urgent", "bq", 0.2);
        if (answer) got.push(answer[1]);
      }
      await redis.quit();
    }
  };
  const workers = [worker(), worker(), worker()];
  const producer = client(t);
  for (let i = 0; i < jobs; i++) await producer.lpush(i % 10 ? "bq" : "bq:urgent", String(i));
  await eventually(() => got.length === jobs, "all jobs are taken", 20000);
  going = false;
  await Promise.all(workers);
  assert.equal(new Set(got).size, jobs);
  assert.equal(await producer.exists("bq", "bq:urgent"), 0);
});

test("BRPOP: whoever waits longest is served first, and one that is gone gets nothing", { timeout: 50000 }, async (t) => {
  const [producer, first, gone, second] = [client(t), client(t), client(t), client(t)];
  const waits = async (n) => eventually(
    async () => /blocked_clients:(\d+)/.exec(await producer.info("clients"))[1] === String(n), `${n} wait`);
  const answers = [];
  first.brpop("fq", 0).then((a) => answers.push(["first", a[1]]));
  await waits(1);
  gone.brpop("fq", 0).catch(() => {});
  await waits(2);
  second.brpop("fq", 0).then((a) => answers.push(["second", a[1]]));
  await waits(3);
  gone.stream.destroy();
  await waits(2);
  await producer.lpush("fq", "1", "2");
  await eventually(() => answers.length === 2, "both are served");
  assert.deepEqual(answers.sort(), [["first", "1"], ["second", "2"]]);
});
