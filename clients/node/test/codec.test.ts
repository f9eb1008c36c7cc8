// What is stored comes back equal, or is refused.

import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { CodecError, decode, encode } from "../src/codec.js";

// Any JSON value with dates, bigints and every double, in objects whose keys may look like tags.
const key = fc.oneof(fc.string(), fc.constantFrom("$date", "$bigint", "$number", "$", "$$", "$$date", "__proto__", "toJSON"));
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constant(null),
    fc.boolean(),
    fc.string({ unit: "binary" }),
    fc.double(),
    fc.integer(),
    fc.bigInt(),
    fc.date({ noInvalidDate: true }) /* node:assert finds no invalid date equal to another */,
    fc.array(tie("value"), { maxLength: 5 }),
    fc.dictionary(key, tie("value"), { maxKeys: 4, noNullPrototype: true }),
  ),
}));

test("every value comes back", () => {
  fc.assert(
    fc.property(value, (v) => {
      assert.deepEqual(decode(encode(v)), v);
    }),
    { numRuns: 5000 },
  );
});

test("an invalid date comes back as one", () => {
  const back = decode(encode([new Date(Number.NaN)])) as Date[];
  assert.ok(back[0] instanceof Date && Number.isNaN(back[0].getTime()));
});

test("the text is JSON that other languages can read", () => {
  const text = encode({ at: new Date(0), n: 2n ** 64n, x: Number.NaN, z: -0, s: "é\u0000" });
  assert.equal(
    text,
    '{"at":{"$date":"1970-01-01T00:00:00.000Z"},"n":{"$bigint":"18446744073709551616"},"x":{"$number":"NaN"},"z":{"$number":"-0"},"s":"é\\u0000"}',
  );
});

test("objects that look like tags are told apart", () => {
  assert.equal(encode({ $date: "x" }), '{"$$date":"x"}');
  assert.deepEqual(decode('{"$$date":"x"}'), { $date: "x" });
  assert.equal(encode({ $date: 1, other: 2 }), '{"$date":1,"other":2}');
});

test("JSON's own rules hold for undefined and toJSON", () => {
  assert.deepEqual(decode(encode({ a: undefined, b: [undefined] })), { b: [null] });
  assert.deepEqual(decode(encode({ toJSON: () => ({ at: new Date(5) }) })), { at: new Date(5) });
});

test("what would be lost is refused", () => {
  for (const lost of [undefined, new Map(), { a: new Set([1]) }, { f: () => 1 }, [Symbol("s")]]) {
    assert.throws(() => encode(lost), TypeError);
  }
});

test("text that was not stored is an error by name", () => {
  for (const text of ["", "{", '{"$unknown":1}', '{"$bigint":1}']) assert.throws(() => decode(text), CodecError);
});
