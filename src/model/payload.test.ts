import { expect, test } from "vitest";
import { durationMs, retentionMs } from "./duration.ts";
import * as limits from "./limits.ts";
import { payloadBytes } from "./payload.ts";

test("a payload's size is that of its body", () => {
  expect(payloadBytes(null)).toBe(0);
  expect(payloadBytes('"ü"')).toBe(4);
  expect(payloadBytes({ base64: "AAA=", contentType: "a/b" })).toBe(2);
  expect(payloadBytes({ base64: "AA==", contentType: "a/b" })).toBe(1);
  expect(payloadBytes({ base64: "AAAA", contentType: "a/b" })).toBe(3);
});

test("limits leave room for what they must hold", () => {
  expect(limits.recordBytesMax).toBeGreaterThan(
    2 * limits.payloadBytesMax + 2 * limits.headersBytesMax + 2 * limits.keyBytesMax,
  );
  expect(limits.lagBytesMax).toBeGreaterThan(limits.batchBytesMax);
});

test("a duration out of bounds is terminal", () => {
  expect(durationMs("15m")).toBe(900_000);
  expect(() => durationMs("366d")).toThrow(
    expect.objectContaining({
      code: "DURATION_INVALID",
      terminal: true,
      status: 400,
    }),
  );
  expect([retentionMs("1d"), retentionMs(0), retentionMs("all")]).toEqual([86_400_000, 0, -1]);
});
