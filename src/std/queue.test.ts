import fc from "fast-check";
import { expect, test } from "vitest";
import { Queue } from "./queue.ts";

test("it gives what it took, in order, through growing and shrinking", () => {
  const burst = fc.tuple(fc.nat({ max: 60 }), fc.nat({ max: 60 }));
  fc.assert(
    fc.property(fc.array(burst), (bursts) => {
      const queue = new Queue<number>();
      const model: number[] = [];
      let next = 0;
      for (const [pushes, shifts] of bursts) {
        for (let i = 0; i < pushes; i++) {
          expect(queue.push(next)).toBe(true);
          model.push(next++);
        }
        expect([...queue]).toEqual(model);
        for (let i = 0; i < shifts; i++) expect(queue.shift()).toBe(model.shift());
        expect(queue.peek()).toBe(model[0]);
        expect(queue.length).toBe(model.length);
      }
    }),
  );
});

test("a full queue refuses until there is room", () => {
  const queue = new Queue<string>(2);
  expect([queue.push("a"), queue.push("b"), queue.push("c")]).toEqual([true, true, false]);
  expect(queue.shift()).toBe("a");
  expect(queue.push("c")).toBe(true);
  expect([...queue]).toEqual(["b", "c"]);
  queue.clear();
  expect([queue.length, queue.shift(), queue.peek()]).toEqual([0, undefined, undefined]);
});
