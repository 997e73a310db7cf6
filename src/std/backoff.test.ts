import { expect, test } from "vitest";
import { backoffMs } from "./backoff.ts";

const backoff = { firstMs: 50, maxMs: 60_000 };

test("delays double up to the cap", () => {
  const delays = [1, 2, 3, 11, 12, 5000].map((attempt) => backoffMs(attempt, backoff, 0));
  expect(delays).toEqual([50, 100, 200, 51_200, 60_000, 60_000]);
});

test("jitter takes away at most its share", () => {
  expect(backoffMs(1, { ...backoff, jitter: 0.2 }, 0.5)).toBe(45);
  expect(backoffMs(2, backoff, 0.999_999)).toBe(50);
  expect(backoffMs(9000, { ...backoff, jitter: 0 }, 0.9)).toBe(60_000);
});

test("a factor of one is a constant, a first delay of zero is none", () => {
  expect(backoffMs(70, { ...backoff, factor: 1 }, 0)).toBe(50);
  expect(backoffMs(5000, { firstMs: 0, maxMs: 10 }, 0.5)).toBe(0);
});
