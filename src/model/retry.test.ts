import { expect, test } from "vitest";
import { retentionMs, retryDefault, retryPolicyOf } from "./retry.ts";

test("what is not said comes from the policy it builds on", () => {
  expect(retryPolicyOf(undefined)).toBe(retryDefault);
  const service = retryPolicyOf({ attempts: 3, delay: "1s", onExhausted: "pause" });
  expect(service).toEqual({ ...retryDefault, attemptsMax: 3, firstMs: 1000, onExhausted: "pause" });
  expect(retryPolicyOf({ maxDelay: "2s", duration: "1h", factor: 1 }, service))
    .toEqual({ ...service, maxMs: 2000, durationMsMax: 3_600_000, factor: 1 });
  expect(retryPolicyOf({ delay: "5m" }).maxMs).toBe(300_000);
  expect(retryPolicyOf({ attempts: Infinity }, service).attemptsMax).toBe(Infinity);
});

test.each([
  [{ attempts: 0 }, TypeError], [{ attempts: 1.5 }, TypeError], [{ attempts: NaN }, TypeError],
  [{ factor: 0.5 }, TypeError], [{ onExhausted: "x" as never }, TypeError],
  [{ delay: "soon" }, "soon"],
])("%j is refused", (retry, error) => expect(() => retryPolicyOf(retry)).toThrow(error));

test("retention is a duration or for ever", () => {
  expect([retentionMs(undefined), retentionMs("1d"), retentionMs(0), retentionMs("all")])
    .toEqual([undefined, 86_400_000, 0, -1]);
  expect(() => retentionMs("long")).toThrow("long");
});
