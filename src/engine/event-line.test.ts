import { expect, test } from "vitest";
import { platform as browser } from "../platform-browser.ts";
import { platform } from "../platform-node.ts";
import { eventLine } from "./event-line.ts";
import type { EngineEvent } from "./events.ts";

const of = { target: "Cart/a/add", id: "inv_1x", ofAttempt: 1 };

test("a failed try of a step is one line: which, what went wrong, when the next one is", () => {
  const failed = {
    kind: "stepFailed" as const,
    ...{ ...of, step: "charge", attempt: 2 },
    ...{ code: "HANDLER_FAILED", message: "card declined" },
  };
  expect(eventLine({ ...failed, delayMs: 150 })).toBe(
    'holdfast: Cart/a/add: step "charge" failed (try 2) and is tried again in 0.15 s: ' +
      "card declined (inv_1x)",
  );
  expect(eventLine({ ...failed, delayMs: undefined })).toBe(undefined);
});

test("a pause is one line that says how to go on", () => {
  const failed = { ...of, kind: "attemptFailed" as const, code: "X", message: "it broke" };
  expect(eventLine({ ...failed, next: "pause" })).toBe(
    'holdfast: Cart/a/add failed and is paused until engine.resume("inv_1x"): it broke',
  );
  expect(eventLine({ ...failed, next: "retry" })).toMatch(/^holdfast: .* is tried again: it broke/);
});

test("what a handler prints looks as its console would show it", () => {
  const line = (args: readonly unknown[], format = platform.format): string | undefined =>
    eventLine({ kind: "console", ...of, level: "log", args } as EngineEvent, format);
  expect(line(["total", { cents: 100 }, [1, "a"]])).toBe(
    "Cart/a/add: total { cents: 100 } [ 1, 'a' ]",
  );
  expect(line(["%s of %d", "one", 2])).toBe("Cart/a/add: one of 2");
  expect(line([new Map([["a", 1]])])).toBe("Cart/a/add: Map(1) { 'a' => 1 }");
  const round: Record<string, unknown> = {};
  round["self"] = round;
  expect(line(["x", { a: 1 }, 2, round], browser.format)).toBe(
    'Cart/a/add: x {"a":1} 2 [object Object]',
  );
});
