// The stability suite: a mixed load for a while (RESPITE_STABILITY_SECONDS,
// default 60), every answer checked, with bounds on errors and on memory.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { RedisCache } from "../src/index.js";
import { Server, sleep, targets } from "./support/servers.js";

const SECONDS = Number(process.env["RESPITE_STABILITY_SECONDS"] ?? 60);
const LEAST_REQUESTS_PER_SECOND = 7000 / 60;
const USERS = 20;
const GROWTH_BYTES = 64 << 20; // of the server or of this process, over the whole run
const PAUSE_MS = 2; // between two requests of a user: the load is bounded

for (const target of targets()) {
  describe(`stability on ${target.name}`, () => {
    test(`${SECONDS} s of mixed load without an error`, { timeout: (SECONDS + 60) * 1000 }, async (t) => {
      const server = await Server.start(target);
      const cache = new RedisCache({ redis: { port: server.port }, commandTimeoutMs: 5000 });
      try {
        assert.ok(await cache.ready(10_000));
        const used = async (): Promise<number> => (await cache.health()).cache.usedMemoryBytes ?? Number.NaN;
        const [serverBefore, heapBefore] = [await used(), process.memoryUsage().rss];
        const deadline = Date.now() + SECONDS * 1000;
        let [requests, wrong] = [0, 0];
        const check = (right: boolean): void => {
          requests++;
          if (!right) wrong++;
        };
        const user = async (id: number): Promise<void> => {
          for (let n = 0; Date.now() < deadline; n++) {
            await cache.cacheUserSession(id, { n, at: new Date(n) });
            check((((await cache.getUserSession(id)) as { n: number }).n === n));
            await cache.cacheMessages(id, [n, n + 1]);
            check(((await cache.getCachedMessages(id)) as number[])[1] === n + 1);
            check((await cache.cacheQuery(`${id}:${n % 100}`, 5, () => Promise.resolve(id))) === id);
            if (n % 10 === 0) await cache.invalidateMessages(id);
            await sleep(PAUSE_MS);
          }
        };
        await Promise.all(Array.from({ length: USERS }, (_, id) => user(id)));
        const { errors, fallbacks, hits } = cache.stats();
        const grown = { server: (await used()) - serverBefore, process: process.memoryUsage().rss - heapBefore };
        t.diagnostic(`${requests} answers checked in ${SECONDS} s, ${hits} hits, ${errors} errors, ${fallbacks} fallbacks, grown by ${grown.server} and ${grown.process} bytes`);
        assert.deepEqual({ wrong, errors, fallbacks }, { wrong: 0, errors: 0, fallbacks: 0 });
        assert.ok(requests > LEAST_REQUESTS_PER_SECOND * SECONDS, `${requests} requests`);
        assert.ok(grown.server < GROWTH_BYTES && grown.process < 2 * GROWTH_BYTES, JSON.stringify(grown));
      } finally {
        await cache.close();
        await server.stop();
      }
    });
  });
}
