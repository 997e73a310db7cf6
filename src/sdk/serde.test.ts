import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { expect, test } from "vitest";
import { jsonSerde } from "./serde.ts";

const roundTrip = (value: unknown): unknown => jsonSerde.decode(jsonSerde.encode(value));

test("every JSON value comes back as it went in", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const once = JSON.parse(JSON.stringify(value)) as unknown;
      expect(roundTrip(once)).toEqual(once);
      expect(jsonSerde.encode(once)).toBe(JSON.stringify(once));
    }),
  );
});

test("nothing is the void payload, bytes stay bytes", () => {
  expect(jsonSerde.encode(undefined)).toBeNull();
  expect(jsonSerde.encode(null)).toBe("null");
  expect(roundTrip(undefined)).toBeUndefined();
  expect(jsonSerde.encode(Uint8Array.of(1, 2))).toEqual({
    base64: "AQI=",
    contentType: "application/octet-stream",
  });
  expect(roundTrip(Buffer.from("ü"))).toEqual(Uint8Array.from(Buffer.from("ü")));
});

test("undefined properties are left out, aliases become copies, objects need no prototype", () => {
  const shared = { n: 1 };
  const bare: unknown = Object.assign(Object.create(null), { b: true });
  expect(roundTrip({ a: undefined, x: shared, y: shared, bare })).toEqual({
    x: { n: 1 },
    y: { n: 1 },
    bare: { b: true },
  });
  expect(roundTrip(JSON.parse('{"__proto__":1}'))).toEqual(JSON.parse('{"__proto__":1}'));
});

test("plain values of another realm are plain values", () => {
  expect(roundTrip(runInNewContext("({ a: [1, { b: null }] })"))).toEqual({ a: [1, { b: null }] });
});

class Point {
  x = 1;
}
class List extends Array<number> {}
const cyclic: { self?: unknown } = {};
cyclic.self = cyclic;

test.each([
  [new Date(0), "", "a Date"],
  [{ when: new Date(0) }, "when", "a Date"],
  [[{ m: new Map() }], "[0].m", "a Map"],
  [new Set(), "", "a Set"],
  [1n, "", "a bigint"],
  [{ a: { "b c": Number.NaN } }, 'a["b c"]', "NaN"],
  [[Infinity], "[0]", "Infinity"],
  [[1, undefined], "[1]", "undefined"],
  [[, 1], "[0]", "undefined"],
  [new Point(), "", "a Point"],
  [{ f: () => 1 }, "f", "a function"],
  [Symbol("s"), "", "a symbol"],
  [/x/, "", "a RegExp"],
  [new Error("e"), "", "an Error"],
  [Promise.resolve(), "", "a Promise"],
  [{ b: Uint8Array.of(1) }, "b", "a Uint8Array"],
  [new List(), "", "a List"],
  [Object("boxed"), "", "a String"],
  [{ toJSON: () => 1 }, "toJSON", "a function"],
  [Object.create({ inherited: 1 }), "", "an Object"],
])("%s is refused at %j as %s", (value, path, what) => {
  const place = path === "" ? "The value is" : `The value at ${path} is`;
  expect(() => jsonSerde.encode(value)).toThrow(
    expect.objectContaining({
      code: "VALUE_NOT_SERIALIZABLE",
      terminal: true,
      data: expect.objectContaining({ path }) as unknown,
      message: expect.stringContaining(`${place} ${what}, which`) as unknown,
    }),
  );
});

test("a cycle is refused with the beginning of its path", () => {
  expect(() => jsonSerde.encode({ a: cyclic })).toThrow(/at a\.self\.self.* is a value that is c/);
});
