import fc from "fast-check";
import { expect, test } from "vitest";
import { Heap } from "./heap.ts";

test("it always gives the smallest, whatever comes in between", () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.integer(), { nil: "pop" })), (steps) => {
      const heap = new Heap<number>((a, b) => a - b);
      const model: number[] = [];
      for (const step of steps) {
        if (typeof step === "number") {
          heap.push(step);
          model.push(step);
          model.sort((a, b) => a - b);
        } else {
          expect(heap.pop()).toBe(model.shift());
        }
        expect(heap.peek()).toBe(model[0]);
        expect(heap.size).toBe(model.length);
      }
    }),
  );
});

test("an empty heap has nothing to give, and a cleared one is empty", () => {
  const heap = new Heap<string>((a, b) => a.localeCompare(b));
  expect(heap.pop()).toBeUndefined();
  heap.push("a");
  heap.clear();
  expect([heap.size, heap.peek()]).toEqual([0, undefined]);
});
