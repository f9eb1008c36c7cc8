/**
 * app.ts: the example application: people log in, keep a list of messages and
 * have a profile.
 *
 * It is an ordinary Express application with express-session and connect-redis.
 * That there is a cache shows only in the two lines that make the session store
 * and in the calls of {@link RedisCache}; nowhere does it ask whether the cache
 * is up.
 */

import { AsyncLocalStorage } from "node:async_hooks";
import path from "node:path";
import { promisify } from "node:util";

import { RedisStore } from "connect-redis";
import express, { type ErrorRequestHandler, type Express, type Request, type RequestHandler } from "express";
import session from "express-session";

import { PostgresStore, sessionClient, type RedisCache } from "../src/index.js";
import { Latencies } from "./latencies.js";

const SESSION_SECONDS = 3600;
const LONGEST_TEXT = 1000;

declare module "express-session" {
  interface SessionData {
    user: string;
    since: string;
  }
}

/** What the application keeps. */
export interface Types {
  session: unknown;
  message: { id: string; text: string; at: Date };
  profile: { name: string; about: string };
}

/** Starts and kills the cache's server, for the buttons of the page. */
export interface CacheControl {
  kill(): Promise<void>;
  start(): Promise<void>;
}

export interface AppParts {
  readonly cache: RedisCache<Types>;
  readonly secret: string;
  /** Absent if the cache is not the example's own. */
  readonly control?: CacheControl;
}

interface Noted {
  source: "cache" | "PostgreSQL";
}

// Whether the request at hand had to ask PostgreSQL for its messages.
const origin = new AsyncLocalStorage<Noted>();

/** A store that notes who asks it, so that the page can show where its messages come from. */
export class NotingStore extends PostgresStore {
  override loadMessages(...args: Parameters<PostgresStore["loadMessages"]>): ReturnType<PostgresStore["loadMessages"]> {
    const noted = origin.getStore();
    if (noted) noted.source = "PostgreSQL";
    return super.loadMessages(...args);
  }
}

export function createApp(parts: AppParts): Express {
  const latencies = new Latencies();
  const app = express();
  app.disable("x-powered-by");
  app.use(express.static(path.join(import.meta.dirname, "public")));
  app.use(express.json({ limit: "10kb" }));
  app.use("/api/status", statusOf(parts, latencies)); // before the sessions: to look is not to use
  if (parts.control) controlRoutes(app, parts.control);
  app.use("/api", latencies.measure);
  app.use(
    session({
      store: new RedisStore({ client: sessionClient(parts.cache), prefix: "", ttl: SESSION_SECONDS, disableTouch: true }),
      secret: parts.secret,
      name: "sid",
      resave: false,
      saveUninitialized: false,
      cookie: { sameSite: "strict" },
    }),
  );
  sessionRoutes(app);
  app.use("/api", mustBeLoggedIn);
  messageRoutes(app, parts.cache);
  profileRoutes(app, parts.cache);
  app.use(tellError);
  return app;
}

function sessionRoutes(app: Express): void {
  app.get("/api/me", (req, res) => {
    res.json({ user: req.session.user ?? null, since: req.session.since ?? null });
  });

  app.post("/api/login", async (req, res) => {
    const name = textOf(req, "name");
    if (!/^[\w-]{1,32}$/.test(name)) {
      res.status(400).json({ error: "a name has 1 to 32 letters, digits, hyphens and underscores" });
      return;
    }
    await done((callback) => req.session.regenerate(callback));
    req.session.user = name;
    req.session.since = new Date().toISOString();
    await done((callback) => req.session.save(callback)); // before the answer, so that it is true
    res.json({ user: name, since: req.session.since });
  });

  app.post("/api/logout", async (req, res) => {
    await done((callback) => req.session.destroy(callback));
    res.json({ user: null });
  });
}

const mustBeLoggedIn: RequestHandler = (req, res, next) => {
  if (req.session.user === undefined) res.status(401).json({ error: "not logged in" });
  else next();
};

function messageRoutes(app: Express, cache: RedisCache<Types>): void {
  app.get("/api/messages", async (req, res) => {
    const noted: Noted = { source: "cache" };
    const messages = await origin.run(noted, () => cache.getCachedMessages(userOf(req)));
    res.json({ messages: messages ?? [], source: noted.source });
  });

  app.post("/api/messages", async (req, res) => {
    const message = { id: textOf(req, "id"), text: textOf(req, "text"), at: new Date() };
    await cache.addMessage(userOf(req), message);
    res.status(201).json(message);
  });

  app.delete("/api/messages", async (req, res) => {
    await cache.cacheMessages(userOf(req), []);
    res.json({ messages: [] });
  });
}

function profileRoutes(app: Express, cache: RedisCache<Types>): void {
  app.get("/api/profile", async (req, res) => {
    res.json((await cache.getUserProfile(userOf(req))) ?? null);
  });

  app.put("/api/profile", async (req, res) => {
    const profile = { name: textOf(req, "name"), about: textOf(req, "about") };
    await cache.cacheUserProfile(userOf(req), profile);
    res.json(profile);
  });
}

function statusOf({ cache, control }: AppParts, latencies: Latencies): RequestHandler {
  return async (_req, res) => {
    res.json({ health: await cache.health(), stats: cache.stats(), requests: latencies.read(), controllable: control !== undefined });
  };
}

function controlRoutes(app: Express, control: CacheControl): void {
  app.post("/api/cache/kill", async (_req, res) => {
    await control.kill();
    res.json({});
  });
  app.post("/api/cache/start", async (_req, res) => {
    await control.start();
    res.json({});
  });
}

const tellError: ErrorRequestHandler = (error: Error & { status?: number }, _req, res, next) => {
  if (res.headersSent) next(error);
  else res.status(error.status ?? 503).json({ error: error.message });
};

function userOf(req: Request): string {
  const { user } = req.session;
  if (user === undefined) throw new Error("mustBeLoggedIn lets nobody else through");
  return user;
}

function textOf(req: Request, field: string): string {
  const value = (req.body as Record<string, unknown> | undefined)?.[field];
  if (typeof value === "string" && value.length <= LONGEST_TEXT) return value;
  throw Object.assign(new Error(`${field}: a text of at most ${LONGEST_TEXT} characters is needed`), { status: 400 });
}

/** Waits for one of express-session's functions with a callback. */
const done = promisify((begin: (callback: (error: Error | null) => void) => void, callback: (error: Error | null) => void) => {
  begin(callback);
});
