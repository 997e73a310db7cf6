import { inspect } from "node:util";
import { expect, test, vi } from "vitest";
import {
  errorCodes,
  errorOf,
  failureOf,
  HoldfastError,
  isHoldfastError,
  TerminalError,
} from "./errors.ts";

test("every code states what happened, why it matters and what to do, in sentences", () => {
  for (const [code, entry] of Object.entries(errorCodes)) {
    expect(code).toMatch(/^[A-Z]+(_[A-Z]+)*$/);
    expect(entry.status).toBeGreaterThanOrEqual(400);
    for (const text of [entry.happened, entry.why, entry.fix]) expect(text).toMatch(/^[A-Z].*\.$/);
  }
});

test("a message says what happened and what to do", () => {
  const plain = new HoldfastError("KILLED");
  expect(plain.message).toBe(`${errorCodes.KILLED.happened} ${errorCodes.KILLED.fix}`);
  const precise = new HoldfastError("DISK_FULL", { happened: "D is full.", data: { free: 0 } });
  expect(precise.message).toBe(`D is full. ${errorCodes.DISK_FULL.fix}`);
  expect(precise).toMatchObject({ status: 503, retryable: true });
  expect(precise.data).toEqual({ free: 0 });
  expect(new HoldfastError("KILLED", { message: "killed" }).message).toBe("killed");
});

test("a terminal error has any code of the user's, 500 and TERMINAL by default", () => {
  const cause = new Error("why");
  const error = new TerminalError("sold out", { code: "sold", status: 409, data: [1], cause });
  expect(error).toMatchObject({ code: "sold", status: 409, data: [1], terminal: true, cause });
  expect(new TerminalError("x")).toMatchObject({ code: "TERMINAL", status: 500, message: "x" });
  expect(inspect(new TerminalError("x"))).not.toContain("undefined");
});

test("errors of another copy of the package are recognised as what they are", async () => {
  vi.resetModules();
  const other = await import("./errors.ts");
  const operating = new other.HoldfastError("KILLED");
  const terminal = new other.TerminalError("x");
  expect(other.HoldfastError).not.toBe(HoldfastError);
  expect(operating instanceof HoldfastError).toBe(true);
  expect(operating instanceof TerminalError).toBe(false);
  expect(terminal instanceof TerminalError && terminal instanceof HoldfastError).toBe(true);
  expect(isHoldfastError(operating, "KILLED")).toBe(true);
  expect(isHoldfastError(operating, "CANCELLED")).toBe(false);
  for (const none of [new Error("x"), null, undefined, "KILLED", { code: "KILLED" }]) {
    expect(isHoldfastError(none)).toBe(false);
    expect(none instanceof HoldfastError).toBe(false);
  }
});

test("a user's subclass is its own kind", () => {
  class SoldOut extends TerminalError {}
  expect(new SoldOut("x") instanceof SoldOut).toBe(true);
  expect(new TerminalError("x") instanceof SoldOut).toBe(false);
  expect(new SoldOut("x") instanceof TerminalError).toBe(true);
});

test("a failure survives the way there and back as the same terminal error", () => {
  const failure = {
    code: "c",
    message: "m",
    status: 418,
    data: { a: [null, 1] },
    invocation: "inv_1x",
    target: "Cart/u/add",
  };
  expect(failureOf(errorOf(failure))).toEqual(failure);
  expect(errorOf(failure)).toBeInstanceOf(TerminalError);
  expect(failureOf(new HoldfastError("CANCELLED", { message: "Cancelled" }))).toEqual({
    code: "CANCELLED",
    message: "Cancelled",
    status: 409,
  });
});

test("anything thrown becomes a failure, data that is no JSON is described", () => {
  expect(failureOf(new TypeError("bad"))).toEqual({
    code: "HANDLER_FAILED",
    message: "bad",
    status: 500,
  });
  expect(failureOf("text").message).toBe("text");
  expect(failureOf(undefined).message).toBe("undefined thrown: undefined");
  expect(failureOf(Object.create(null)).message).toBe("object thrown");
  expect(failureOf(new TerminalError("x", { data: 1n })).data).toHaveProperty("notSerializable");
});
