/**
 * http.ts: the requests of virtual users, each with its outcome.
 *
 * Invariant: every request ends, by an answer, an error or the limit after
 * which it counts as hung.
 */

/** Milliseconds after which a request without its whole answer counts as hung. */
export const HUNG_MS = 30_000;

export interface Failure {
  readonly what: string;
  /** Milliseconds of `performance.now()`. */
  readonly begun: number;
  readonly ended: number;
}

/** What became of all requests. */
export class Outcomes {
  readonly failures: Failure[] = [];
  readonly hung: Failure[] = [];
  readonly times: number[] = [];
}

/** A browser's part: it keeps its cookie and knows whether a request failed. */
export class Client {
  readonly #url: string;
  readonly #outcomes: Outcomes;
  cookie: string | undefined;

  constructor(url: string, outcomes: Outcomes) {
    this.#url = url;
    this.#outcomes = outcomes;
  }

  /** The body of the answer, undefined if there was none or it was an error. */
  async request<T>(method: string, path: string, body?: unknown, cookie = this.cookie): Promise<T | undefined> {
    const begun = performance.now();
    const fail = (kind: Failure[], why: string): void => {
      kind.push({ what: `${method} ${path}: ${why}`, begun, ended: performance.now() });
    };
    try {
      const response = await fetch(`${this.#url}${path}`, {
        method,
        headers: { ...(cookie === undefined ? {} : { cookie }), "content-type": "application/json" },
        body: body === undefined ? null : JSON.stringify(body),
        signal: AbortSignal.timeout(HUNG_MS),
      });
      const answer = (await response.json()) as T & { error?: string };
      this.#outcomes.times.push(performance.now() - begun);
      if (!response.ok) {
        fail(this.#outcomes.failures, `${response.status} ${answer.error ?? ""}`);
        return undefined;
      }
      this.cookie = response.headers.getSetCookie()[0]?.split(";", 1)[0] ?? this.cookie;
      return answer;
    } catch (error) {
      const isHung = (error as Error).name === "TimeoutError";
      fail(isHung ? this.#outcomes.hung : this.#outcomes.failures, String((error as Error).cause ?? error));
      return undefined;
    }
  }
}
