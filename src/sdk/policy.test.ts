import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { exhausted, policyOf, stepPolicyOf } from "./policy.ts";

test("what is tried by default is what the reference of Retry says", () => {
  const text = readFileSync(new URL("types.ts", import.meta.url), "utf8");
  const { backoff, attempts, durationMs, onExhausted } = policyOf(undefined);
  expect(text).toContain(`jitter may halve it. Default ${backoff.firstMs} ms.`);
  expect(text).toContain(`Growth of the delay per try, from 1. Default ${backoff.factor}.`);
  expect(text).toContain("Longest delay between tries. Default 1 minute.");
  expect(backoff.maxMs).toBe(60_000);
  expect([attempts, durationMs, onExhausted]).toEqual([Infinity, Infinity, "fail"]);
});

test("a step takes the policy of its handler, and fails where the handler would pause", () => {
  const steps = stepPolicyOf({ attempts: 3, delay: "1s", onExhausted: "pause" });
  expect(policyOf({ attempts: 5 }, steps)).toEqual({
    ...{ attempts: 5, durationMs: Infinity, onExhausted: "fail" },
    backoff: { firstMs: 1000, factor: 2, maxMs: 60_000 },
  });
  expect([exhausted(steps, 2, 0), exhausted(steps, 3, 0)]).toEqual([false, true]);
  expect(exhausted(policyOf({ duration: "1s" }), 1, 1000)).toBe(true);
});
