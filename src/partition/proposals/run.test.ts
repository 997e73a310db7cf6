import { expect, test } from "vitest";
import {
  ask,
  began,
  Deciding,
  type Given,
  given,
  invoke,
  kindsOf,
} from "../../../test/support/given.ts";
import { HoldfastError } from "../../model/errors.ts";
import { idOf } from "../../model/invocation-id.ts";
import { Decision } from "../decision.ts";

const failure = { code: "X", message: "x", status: 500 };
const lead = (epoch: number, unclean: boolean): Given => ({
  kind: "lead",
  epoch,
  nonce: "n",
  unclean,
});

test("R10: an unclean end counts for who had an attempt open, from two on it waits its turn", () => {
  const p = given([invoke("S/plain"), lead(2, true)]);
  expect(p.when({ kind: "start", n: 2 }).changes).toEqual([
    { kind: "started", n: 2, crashed: true },
  ]);
  p.when(lead(3, true));
  const second = p.when({ kind: "start", n: 2 });
  expect(second.changes).toEqual([{ kind: "ready", n: 2, crashed: true }]);
  expect(second.learned).toEqual([{ kind: "ready", n: 2 }]);
  expect(p.leader.row(2).crashes).toBe(2);
  // It waits: the next unclean end is not its doing.
  p.when(lead(4, true));
  expect(p.when({ kind: "start", n: 2 }).changes).toEqual([{ kind: "started", n: 2 }]);
});

test("R10: at five it is paused, and a resume begins to count anew", () => {
  const p = given([invoke("S/plain")]);
  const kinds: string[] = [];
  for (let epoch = 2; epoch < 7; epoch++) {
    p.when(lead(epoch, true));
    kinds.push(...kindsOf(p.when({ kind: "start", n: 2 }).changes));
    if (p.leader.row(2).status === "ready") p.when({ kind: "start", n: 2 });
  }
  expect(kinds).toEqual(["started", "ready", "ready", "ready", "paused"]);
  expect(p.leader.row(2).lastFailure?.code).toBe("ATTEMPT_KILLED_PROCESS");
  p.when({ kind: "resume", id: idOf(p.leader.row(2)) });
  expect(p.leader.row(2)).toMatchObject({ status: "running", crashes: 0 });
});

test("R10: a new command or a step's end is progress, what others tell is not", () => {
  const p = given([invoke("S/plain"), ask(2, { kind: "run", name: "x" }), lead(2, true)]);
  p.when({ kind: "start", n: 2 });
  p.when({ kind: "signal", id: idOf(p.leader.row(2)), name: "s", result: { value: "1" } });
  expect(p.leader.row(2).crashes).toBe(1);
  p.when({ kind: "stepDone", n: 2, of: 0, tries: 0, result: { value: "1" } });
  expect(p.leader.row(2).crashes).toBe(0);
});

test("R10: a clean end counts for nothing", () => {
  const p = given([invoke("S/plain"), lead(2, false)]);
  expect(p.when({ kind: "start", n: 2 }).changes).toEqual([{ kind: "started", n: 2 }]);
  expect(p.when({ kind: "start", n: 2 }).changes).toEqual([]);
});

test("R8: a step's result is taken for its own try, as long as the command is open", () => {
  const p = given([invoke("S/plain"), ask(2, { kind: "run", name: "x" })]);
  const done = { kind: "stepDone", n: 2, of: 0, tries: 0, result: { value: "1" } } as const;
  p.when({ kind: "stepFailed", n: 2, of: 0, tries: 0, failure, due: began + 1000 });
  expect(p.when(done).changes).toEqual([]);
  expect(kindsOf(p.when({ ...done, tries: 1 }).changes)).toEqual(["notified"]);
  expect(p.when({ ...done, tries: 1 }).changes).toEqual([]);
});

test("I9: a timer of an earlier life or of what has gone on changes nothing (R1)", () => {
  const p = given([invoke("S/plain"), ask(2, { kind: "sleep", ms: 1000 })]);
  const timer = { due: began + 1000, n: 2, of: 0 };
  expect(kindsOf(p.when({ kind: "timerDue", timer }).changes)).toEqual(["notified"]);
  expect(p.when({ kind: "timerDue", timer }).changes).toEqual([]);
  expect(p.when({ kind: "timerDue", timer: { due: 1, n: 99, of: -1 } }).changes).toEqual([]);
});

test("R9: a cancel is journaled once, wakes who backs off or is suspended, is kept by a paused one", () => {
  const p = given([invoke("S/plain"), ask(2, { kind: "sleep", ms: 1000 })]);
  const id = idOf(p.leader.row(2));
  p.when({ kind: "suspend", n: 2, attempt: 1 });
  expect(kindsOf(p.when({ kind: "cancel", id }).changes)).toEqual(["notified", "started"]);
  expect(p.when({ kind: "cancel", id }).changes).toEqual([]);
  expect(p.when({ kind: "cancel", id }).answer).toEqual({ kind: "done" });
  const q = given([invoke("S/plain")]);
  const again = { kind: "at", due: began + 9000 } as const;
  q.when({ kind: "fail", n: 2, attempt: 1, failure, again });
  const other = idOf(q.leader.row(2));
  expect(kindsOf(q.when({ kind: "cancel", id: other }).changes)).toEqual(["notified", "started"]);
  const r = given([invoke("S/plain")]);
  const third = idOf(r.leader.row(2));
  r.when({ kind: "pause", id: third });
  expect(r.leader.row(2).lastFailure?.code).toBe("PAUSED");
  expect(kindsOf(r.when({ kind: "cancel", id: third }).changes)).toEqual(["notified"]);
});

test("R21: a rule that has emitted a change no longer refuses", () => {
  const leader = new Deciding();
  const decision = new Decision(leader.tables, leader);
  leader.position++;
  decision.emit({ kind: "swept", count: 0, time: began });
  const request = { settle: () => {} };
  expect(() => decision.refuse(request, new HoldfastError("INBOX_FULL"))).toThrow(/R21/);
});
