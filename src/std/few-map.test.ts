import fc from "fast-check";
import { expect, test } from "vitest";
import { FewMap, FewSet } from "./few-map.ts";

const key = fc.integer({ min: 0, max: 3 });
const act = fc.oneof(
  fc.record({ kind: fc.constant("set" as const), key, value: fc.integer() }),
  fc.record({ kind: fc.constant("delete" as const), key }),
  fc.record({ kind: fc.constant("clear" as const), key }),
);

test("it is a map: whatever is done to both, both say the same, in the same order", () => {
  fc.assert(
    fc.property(fc.array(act, { maxLength: 20 }), (acts) => {
      const few = new FewMap<number, number>();
      const map = new Map<number, number>();
      const fewKeys = new FewSet<number>();
      for (const step of acts) {
        if (step.kind === "set") {
          few.set(step.key, step.value);
          map.set(step.key, step.value);
          fewKeys.add(step.key);
        } else if (step.kind === "delete") {
          const there = map.delete(step.key);
          expect([few.delete(step.key), fewKeys.delete(step.key)]).toEqual([there, there]);
        } else {
          few.clear();
          map.clear();
          fewKeys.clear();
        }
        expect([...few]).toEqual([...map]);
        expect([...few.values()]).toEqual([...map.values()]);
        expect([[...few.keys()], [...fewKeys]]).toEqual([[...map.keys()], [...map.keys()]]);
        expect([few.size, fewKeys.size]).toEqual([map.size, map.size]);
        for (const k of [0, 1, 2, 3]) {
          expect([few.get(k), few.has(k)]).toEqual([map.get(k), map.has(k)]);
          expect(fewKeys.has(k)).toBe(map.has(k));
        }
      }
    }),
    { seed: 1, numRuns: 500 },
  );
});

test("a value may be undefined, and is there", () => {
  const few = new FewMap<string, undefined>();
  few.set("a", undefined);
  expect([few.has("a"), few.size, [...few]]).toEqual([true, 1, [["a", undefined]]]);
});

test("what is deleted while it is walked over is not met", () => {
  const few = new FewMap<number, string>();
  for (const k of [1, 2, 3]) few.set(k, "x");
  const met: number[] = [];
  for (const [k] of few) {
    met.push(k);
    few.delete(k);
    few.delete(2);
  }
  expect([met, few.size]).toEqual([[1, 3], 0]);
});
