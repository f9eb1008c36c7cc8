/** errors.ts: what the package throws by name. */

/**
 * The cache cannot be used now. Callers see it only where there is nothing to
 * fall back to: on writes of a {@link RedisCache} that has no store.
 */
export class CacheUnavailableError extends Error {
  override readonly name = "CacheUnavailableError";
}

/** A command was not answered in time. It may still have been carried out. */
export class CommandTimeoutError extends Error {
  override readonly name = "CommandTimeoutError";
}
