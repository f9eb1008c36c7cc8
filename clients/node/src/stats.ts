/** stats.ts: what a cache has done, counted. */

import type { GateState } from "./gate.js";

export interface CacheStats {
  /** Answered from the cache. */
  readonly hits: number;
  /** Of them, with results of queries that had expired and are being loaded anew. */
  readonly staleHits: number;
  /** Asked for and not there, or no longer valid. */
  readonly misses: number;
  /** hits / (hits + misses); 0 before the first request. */
  readonly hitRate: number;
  /** Requests that went past the cache because it was down. */
  readonly fallbacks: number;
  /** Calls of loaders and of the store's loads. */
  readonly loads: number;
  /** Requests that shared the load of another in the same process. */
  readonly coalesced: number;
  /** Requests that waited for another process's load. */
  readonly waits: number;
  /** Values put into the cache. */
  readonly fills: number;
  readonly invalidations: number;
  /** Failures of the cache, or of the store in the background, that requests did not see. */
  readonly errors: number;
  /** How often everything cached was declared invalid. */
  readonly epochChanges: number;
  readonly state: GateState;
}

export class Counters {
  hits = 0;
  staleHits = 0;
  misses = 0;
  fallbacks = 0;
  loads = 0;
  coalesced = 0;
  waits = 0;
  fills = 0;
  invalidations = 0;
  errors = 0;

  read(state: GateState, epochChanges: number): CacheStats {
    const asked = this.hits + this.misses;
    return {
      hits: this.hits,
      staleHits: this.staleHits,
      misses: this.misses,
      hitRate: asked === 0 ? 0 : this.hits / asked,
      fallbacks: this.fallbacks,
      loads: this.loads,
      coalesced: this.coalesced,
      waits: this.waits,
      fills: this.fills,
      invalidations: this.invalidations,
      errors: this.errors,
      epochChanges,
      state,
    };
  }
}
