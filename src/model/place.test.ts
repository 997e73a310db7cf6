import fc from "fast-check";
import { expect, test } from "vitest";
import { partitionsMax } from "./limits.ts";
import {
  checkApp,
  checkPartitions,
  keyWithin,
  partitionOfKey,
  placeOf,
  placeText,
} from "./place.ts";

const hex = (bytes: number): fc.Arbitrary<string> => {
  return fc
    .uint8Array({ minLength: bytes, maxLength: bytes })
    .map((each) => Buffer.from(each).toString("hex"));
};

test("a place is read as it is written", () => {
  const place = { app: "ticket-shop", partition: 23 };
  expect(placeText(place)).toBe("ticket-shop/23");
  expect(placeOf(placeText(place))).toEqual(place);
});

test("partitions share the keys evenly, in order, from the first key to the last", () => {
  expect(partitionOfKey("0000000000000000", 24)).toBe(0);
  expect(partitionOfKey("ffffffffffffffff", 24)).toBe(23);
  expect(partitionOfKey("7fffffffffffffff", 2)).toBe(0);
  expect(partitionOfKey("8000000000000000", 2)).toBe(1);
  expect(partitionOfKey("deadbeefdeadbeef", 1)).toBe(0);
});

test("every key is in one partition, and a key moved into a partition is in it", () => {
  const given = fc.tuple(hex(8), fc.integer({ min: 1, max: partitionsMax }), fc.nat());
  fc.assert(
    fc.property(given, ([key, partitions, chance]) => {
      const home = partitionOfKey(key, partitions);
      expect(home).toBeGreaterThanOrEqual(0);
      expect(home).toBeLessThan(partitions);
      const partition = chance % partitions;
      const moved = keyWithin(key, partition, partitions);
      expect(moved).toMatch(/^[0-9a-f]{16}$/);
      expect(partitionOfKey(moved, partitions)).toBe(partition);
    }),
    { seed: 1, numRuns: 5000 },
  );
});

test("the first and the last key stay in every partition of every number of them", () => {
  for (let partitions = 1; partitions <= partitionsMax; partitions++) {
    for (let partition = 0; partition < partitions; partition++) {
      const first = keyWithin("0000000000000000", partition, partitions);
      const last = keyWithin("ffffffffffffffff", partition, partitions);
      if (
        partitionOfKey(first, partitions) !== partition ||
        partitionOfKey(last, partitions) !== partition
      ) {
        throw new Error(`${partition} of ${partitions}: ${first}, ${last}`);
      }
    }
  }
});

test("keys moved into a partition stay as many as they were", () => {
  const keys = Array.from(
    { length: 4096 },
    (_, i) => `${((i << 20) >>> 0).toString(16).padStart(8, "0")}00000000`,
  );
  expect(new Set(keys.map((key) => keyWithin(key, 5, 24))).size).toBe(4096);
});

test("an app's name is part of other systems' names, and held to what they take", () => {
  expect(checkApp("ticket-shop-2")).toBe("ticket-shop-2");
  for (const name of ["", "Shop", "2shop", "-shop", "a.b", "a b", "a*", ">", "é", "a".repeat(33)]) {
    expect(() => checkApp(name), name).toThrow(expect.objectContaining({ code: "NAME_INVALID" }));
  }
  expect(() => checkApp(undefined as never)).toThrow("1 to 32");
});

test("a number of partitions is whole, at least one, and bounded", () => {
  expect(checkPartitions(1)).toBe(1);
  expect(checkPartitions(partitionsMax)).toBe(partitionsMax);
  for (const partitions of [0, -1, 1.5, Number.NaN, partitionsMax + 1]) {
    const code = "PARTITIONS_INVALID";
    expect(() => checkPartitions(partitions)).toThrow(expect.objectContaining({ code }));
  }
});
