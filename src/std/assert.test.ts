import { expect, test } from "vitest";
import { InvariantError, invariant, unreachable } from "./assert.ts";

test("what holds passes, and builds no message", () => {
  invariant(1 < 2, () => {
    throw new Error("built");
  });
});

test("what does not hold throws with its message and code", () => {
  expect(() => invariant(false, () => "a is 2")).toThrow(InvariantError);
  expect(() => invariant(0, "a is 0")).toThrow(
    expect.objectContaining({ message: "a is 0", code: "INVARIANT_BROKEN" }),
  );
});

test("an unexpected value is named", () => {
  expect(() => unreachable({ kind: "x" } as never)).toThrow('{"kind":"x"}');
  expect(() => unreachable(undefined as never)).toThrow("undefined");
  expect(() => unreachable(1n as never)).toThrow("1");
});
