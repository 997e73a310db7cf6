import fc from "fast-check";
import { expect, test } from "vitest";

import { SortedList } from "./sorted-list.ts";

test("a sorted list agrees with a sorted array, whatever is added and deleted", () => {
  const step = fc.record({ add: fc.boolean(), item: fc.integer({ min: 0, max: 3000 }) });
  const steps = fc.array(step, { maxLength: 4000, size: "max" });
  fc.assert(
    fc.property(steps, fc.integer({ min: -1, max: 3001 }), (all, after) => {
      const list = new SortedList<number>((a, b) => a - b);
      const naive = new Set<number>();
      for (const { add, item } of all) {
        expect(add ? list.add(item) : list.delete(item)).toBe(naive.has(item) !== add);
        if (add) naive.add(item);
        else naive.delete(item);
      }
      const sorted = [...naive].sort((a, b) => a - b);
      expect(list.size).toBe(sorted.length);
      expect([...list.after()]).toEqual(sorted);
      expect([...list.after(after)]).toEqual(sorted.filter((item) => item > after));
      const middle = sorted.length >> 1;
      expect(list.at(middle)).toBe(sorted[middle]);
      expect(list.at(sorted.length)).toBeUndefined();
    }),
    { numRuns: 30, seed: 7 },
  );
});
