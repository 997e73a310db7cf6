import fc from "fast-check";
import { expect, test } from "vitest";
import { DurationError, durationMsMax, formatDuration, parseDuration } from "./duration.ts";

test.each([
  [0, 0],
  [-0, 0],
  [1500, 1500],
  [1.4, 1],
  ["0ms", 0],
  ["250ms", 250],
  ["90s", 90_000],
  ["15m", 900_000],
  ["1h30m", 5_400_000],
  ["1h 30m", 5_400_000],
  ["7d", 604_800_000],
  ["1.1s", 1100],
  ["1e-7s", 0],
  ["PT15M", 900_000],
  ["P1DT2H", 93_600_000],
  ["PT1.5S", 1500],
  ["PT0,5S", 500],
  ["P2W", 1_209_600_000],
  [{ minutes: 15 }, 900_000],
  [{ days: 1, hours: undefined, milliseconds: 5 }, 86_400_005],
  [{ total: (unit: string) => (unit === "milliseconds" ? 42 : 0) }, 42],
])("%j is %d ms", (input, ms) => expect(parseDuration(input)).toBe(ms));

test.each([
  [-1, "negative"],
  [Number.NaN, "not a number"],
  [Infinity, "longer than 365d"],
  [durationMsMax + 1, "longer than"],
  ["", "unit"],
  ["15", "unit"],
  ["15 minutes", "unit"],
  ["-5s", "unit"],
  ["30m1h", "large to small"],
  ["5m5m", "large to small"],
  ["P", "ISO"],
  ["PT", "ISO"],
  ["P1DT", "ISO"],
  ["P1M", "months"],
  ["P1Y", "years"],
  [null, "null"],
  [{}, "unit"],
  [{ minute: 5 }, '"minute" is not a unit'],
  [{ minutes: "5" }, "not a number"],
  [true, "boolean"],
  [1n, "bigint"],
  [{ total: () => "x" }, "no number"],
  [new Date(0), "unit"],
  [
    {
      total: () => {
        throw new RangeError("months need a date");
      },
    },
    "months need a date",
  ],
])("%s is refused: %s", (input, why) => {
  expect(() => parseDuration(input)).toThrow(DurationError);
  expect(() => parseDuration(input)).toThrow(why);
});

test("the bound is the caller's", () => {
  expect(parseDuration("1m", 60_000)).toBe(60_000);
  expect(() => parseDuration("1m", 59_999)).toThrow("longer than 59s999ms");
});

test.each([
  [900_000, "15m"],
  [5_400_000, "1h30m"],
  [90_500, "1m30s500ms"],
  [0, "0ms"],
  [-60_000, "-1m"],
  [Infinity, "Infinity"],
])("%d ms reads %s", (ms, text) => expect(formatDuration(ms)).toBe(text));

test("what is printed is read back, and any text at all is answered quickly", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: durationMsMax }), (ms) => {
      expect(parseDuration(formatDuration(ms))).toBe(ms);
    }),
  );
  fc.assert(
    fc.property(fc.stringMatching(/^[PT0-9.,WDHMSmsdhe+ -]{0,40}$/), (text) => {
      try {
        expect(parseDuration(text)).toBeGreaterThanOrEqual(0);
      } catch (error) {
        expect(error).toBeInstanceOf(DurationError);
      }
    }),
  );
});
