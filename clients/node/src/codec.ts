/**
 * codec.ts: how values become text and come back.
 *
 * The text is JSON. What JSON cannot say is an object with one key, a tag that
 * begins with a dollar sign: `{"$date":"2026-01-31T12:00:00.000Z"}`,
 * `{"$bigint":"12345678901234567890"}`, `{"$number":"NaN"}`. An object of the
 * application that has a single key with a dollar sign in front gets one more
 * of them, and loses it again, so nothing that is stored can be taken for a tag.
 *
 * Invariant: decode(encode(v)) equals v, or encode throws. The one exception is
 * JSON's own: properties that are undefined vanish, and undefined in an array
 * becomes null. What would be lost silently (a Map, a Set, a function, a symbol)
 * is refused.
 */

const DATE = "$date";
const BIGINT = "$bigint";
const NUMBER = "$number";

/** Thrown by {@link decode} for text that {@link encode} did not write. */
export class CodecError extends Error {
  override readonly name = "CodecError";
}

/**
 * Writes a value as text.
 *
 * @throws TypeError if the value holds something that would not come back.
 */
export function encode(value: unknown): string {
  const text = JSON.stringify(value, replace) as string | undefined;
  if (text === undefined) throw new TypeError("undefined cannot be stored; store null instead");
  return text;
}

/**
 * Reads what {@link encode} wrote.
 *
 * @throws CodecError if the text is not JSON or has an unknown tag.
 */
export function decode(text: string): unknown {
  try {
    return JSON.parse(text, revive) as unknown;
  } catch (error) {
    if (error instanceof CodecError) throw error;
    throw new CodecError(`not a stored value: ${(error as Error).message}`, { cause: error });
  }
}

// JSON.stringify calls toJSON before the replacer, so a Date is already text in
// its argument: the original is in the object that holds it.
function replace(this: Record<string, unknown>, key: string, converted: unknown): unknown {
  const value = this[key];
  if (value instanceof Date) return { [DATE]: Number.isNaN(value.getTime()) ? null : value.toISOString() };
  switch (typeof converted) {
    case "bigint":
      return { [BIGINT]: converted.toString() };
    case "number":
      return Number.isFinite(converted) && !Object.is(converted, -0)
        ? converted
        : { [NUMBER]: Object.is(converted, -0) ? "-0" : String(converted) };
    case "function":
    case "symbol":
      throw new TypeError(`a ${typeof converted} cannot be stored (property ${JSON.stringify(key)})`);
    case "object":
      return converted === null ? null : escape(converted, key);
    default:
      return converted;
  }
}

function escape(value: object, key: string): object {
  if (value instanceof Map || value instanceof Set) {
    throw new TypeError(`a ${value.constructor.name} cannot be stored (property ${JSON.stringify(key)}): store its entries`);
  }
  const only = singleDollarKey(value);
  return only === undefined ? value : { ["$" + only]: (value as Record<string, unknown>)[only] };
}

function revive(_key: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  const only = singleDollarKey(value);
  if (only === undefined) return value;
  const content = (value as Record<string, unknown>)[only];
  if (only.startsWith("$$")) return { [only.slice(1)]: content };
  if (only === DATE && content === null) return new Date(Number.NaN);
  if (typeof content === "string") {
    if (only === DATE) return new Date(content);
    if (only === BIGINT) return BigInt(content);
    if (only === NUMBER) return Number(content);
  }
  throw new CodecError(`unknown tag ${only}`);
}

/** The key of an object that has no other and begins with a dollar sign. */
function singleDollarKey(value: object): string | undefined {
  if (Array.isArray(value)) return undefined;
  const keys = Object.keys(value);
  return keys.length === 1 && keys[0]!.startsWith("$") ? keys[0] : undefined;
}
