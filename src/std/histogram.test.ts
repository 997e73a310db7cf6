import { expect, test } from "vitest";
import { Histogram, latencyBoundsSeconds } from "./histogram.ts";

test("a value falls into the first bucket whose bound it does not pass", () => {
  const histogram = new Histogram([1, 2]);
  for (const value of [0, 1, 1.5, 2, 3, Number.POSITIVE_INFINITY]) histogram.observe(value);
  expect([...histogram.counts]).toEqual([2, 2, 2]);
  expect(histogram.count).toBe(6);
});

test("the sum is that of all values", () => {
  const histogram = new Histogram();
  for (const value of [0.5, 0.25, 4]) histogram.observe(value);
  expect(histogram.sum).toBe(4.75);
});

test("the bounds for latencies grow", () => {
  const sorted = [...latencyBoundsSeconds].sort((a, b) => a - b);
  expect(new Set(latencyBoundsSeconds).size).toBe(sorted.length);
  expect(latencyBoundsSeconds).toEqual(sorted);
});
