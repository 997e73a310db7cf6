import { expect, test } from "vitest";
import { ask, finish, type Given, given, invoke, kindsOf } from "../../../test/support/given.ts";
import { recordResultsMax } from "../../model/limits.ts";

const failure = { code: "X", message: "x", status: 500 };

test("I8: what an attempt reports that is not the current one changes nothing", () => {
  const { leader, when } = given([invoke("S/plain"), ask(2, { kind: "run", name: "step" })]);
  const stale: Given[] = [
    finish(2, 0),
    { kind: "suspend", n: 2, attempt: 2 },
    { kind: "fail", n: 2, attempt: 0, failure, again: { kind: "fail" } },
    ask(2, { kind: "awakeable" }, 0),
  ];
  for (const report of stale) expect(when(report).changes).toEqual([]);
  const step = { n: 2, of: 0 };
  expect(when({ kind: "stepFailed", ...step, tries: 1, failure, due: 0 }).changes).toEqual([]);
  expect(when({ kind: "stepDone", ...step, tries: 1, result: { value: "1" } }).changes).toEqual([]);
  const told = when({ kind: "stepDone", ...step, tries: 0, result: { value: "1" } });
  expect(kindsOf(told.changes)).toEqual(["notified"]);
  // It is told once: the same try again finds no open step.
  expect(when({ kind: "stepDone", ...step, tries: 0, result: { value: "2" } }).changes).toEqual([]);
  expect(leader.row(2).status).toBe("running");
});

test("I9: a timer that was replaced meanwhile fires for nobody", () => {
  const { leader, when } = given([invoke("S/plain")]);
  const due = leader.time + 1000;
  when({ kind: "fail", n: 2, attempt: 1, failure, again: { kind: "at", due } });
  expect(when({ kind: "timerDue", timer: { due: due - 1, n: 2, of: -1 } }).changes).toEqual([]);
  expect(when({ kind: "timerDue", timer: { due, n: 99, of: -1 } }).changes).toEqual([]);
  leader.time = due;
  const fired = when({ kind: "timerDue", timer: { due, n: 2, of: -1 } });
  expect(kindsOf(fired.changes)).toEqual(["timerFired", "started"]);
  expect(when({ kind: "timerDue", timer: { due, n: 2, of: 5 } }).changes).toEqual([]);
});

test("R18: one large answer per record: who waits beside the first is told a record later", () => {
  const { leader, when } = given([invoke("W/x/read"), ask(2, { kind: "promise", name: "go" })]);
  when(ask(2, { kind: "promise", name: "go" }));
  const other = leader.position + 1;
  when(invoke("W/x/read"));
  const value = JSON.stringify("x".repeat(recordResultsMax / 2));
  const settle = { kind: "promiseComplete", name: "go", result: { value }, hash: "h" } as const;
  const settled = when(ask(other, settle));
  expect(kindsOf(settled.changes)).toEqual([
    ...["command", "promiseCompleted", "deferred", "deferred", "notified"],
  ]);
  const due = leader.time;
  expect(settled.learned).toContainEqual({ kind: "timer", due });
  for (const of of [0, 1]) {
    const told = when({ kind: "timerDue", timer: { due, n: 2, of } });
    expect(told.changes).toMatchObject([
      { kind: "notified", notification: { of, result: { value } } },
    ]);
  }
  expect(leader.row(2).open.size).toBe(0);
});
