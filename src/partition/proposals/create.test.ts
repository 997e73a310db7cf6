import { expect, test } from "vitest";
import {
  ask,
  began,
  calls,
  Deciding,
  finish,
  given,
  invoke,
  kindsOf,
} from "../../../test/support/given.ts";
import { idOf } from "../../model/invocation-id.ts";
import { callDepthMax, inboxLengthMax } from "../../model/limits.ts";
import { partitionKeyOf } from "../../model/target.ts";

test("a request becomes an invocation that begins at once, in one record", () => {
  const { changes, learned, answer, leader } = given([]).when(invoke("S/plain"));
  expect(kindsOf(changes)).toEqual(["invoked", "started"]);
  expect(learned).toEqual([{ kind: "start", n: 2 }]);
  expect(answer).toMatchObject({ kind: "invocation", result: null, attached: false });
  expect(leader.row(2)).toMatchObject({ status: "running", attempt: 1, begunAt: began });
});

test("without a free slot it is ready; with a due time it is scheduled", () => {
  const leader = new Deciding();
  leader.free = false;
  expect(kindsOf(leader.decide(invoke("S/plain")).changes)).toEqual(["invoked", "ready"]);
  const due = began + 1000;
  expect(kindsOf(leader.decide(invoke("S/plain", { due })).changes)).toEqual(["invoked"]);
  expect(leader.row(3)).toMatchObject({ status: "scheduled", due });
  expect(kindsOf(leader.decide(invoke("S/plain", { due: began })).changes)).toEqual([
    "invoked",
    "ready",
  ]);
});

test("I6: a second exclusive request waits in the inbox, a shared one does not", () => {
  const p = given([invoke("O/a/hold")]);
  expect(kindsOf(p.when(invoke("O/a/other")).changes)).toEqual(["invoked", "inboxed"]);
  expect(kindsOf(p.when(invoke("O/a/read")).changes)).toEqual(["invoked", "started"]);
  expect(kindsOf(p.when(invoke("O/b/hold")).changes)).toEqual(["invoked", "started"]);
  expect(kindsOf(p.when(finish(2)).changes)).toEqual(["finished", "started"]);
  expect(p.leader.row(3).status).toBe("running");
});

test("I5: a second request with the same idempotency key attaches to the first", () => {
  const p = given([invoke("S/plain", { idempotencyKey: "k" })]);
  const again = p.when(invoke("S/plain", { idempotencyKey: "k" }));
  expect(again.changes).toEqual([]);
  expect(again.answer).toMatchObject({ attached: true, result: null, named: { n: 2 } });
  p.when(finish(2));
  const done = p.when(invoke("S/plain", { idempotencyKey: "k" }));
  expect(done.answer).toMatchObject({ attached: true, result: { value: '"done"' } });
});

test("R1: an expired name begins another life, which purges the earlier one in its record", () => {
  const p = given([invoke("S/plain", { idempotencyKey: "k" }), finish(2)]);
  p.leader.time += 86_400_000;
  const { changes, leader } = p.when(invoke("S/plain", { idempotencyKey: "k" }));
  expect(kindsOf(changes)).toEqual(["purged", "invoked", "started"]);
  expect(leader.tables.invocation(2)).toBe(undefined);
  expect(leader.row(4).incarnation).not.toBe("AAAAAAAAAAAAAAAAAAAA2A");
  expect(idOf(leader.row(4))).toBe(leader.row(4).derivedId);
});

test("R13: a door refuses when the inbox is full, before it has changed anything", () => {
  const p = given([invoke("O/a/hold"), invoke("O/a/other")]);
  p.leader.tables.object("O", "a").inbox.length = inboxLengthMax;
  const { changes, answer } = p.when(invoke("O/a/hold"));
  expect(changes).toEqual([]);
  expect(answer).toMatchObject({ kind: "refused", error: { code: "INBOX_FULL", retryable: true } });
});

test("R13: a delivery to a full inbox is accepted as one that failed, and its caller is told", () => {
  const p = given([invoke("O/a/hold"), invoke("S/plain")]);
  p.leader.tables.object("O", "a").inbox.length = inboxLengthMax;
  const called = p.when(ask(3, calls("O/a/other")));
  expect(kindsOf(called.changes)).toEqual(["invoked", "finished", "command", "notified"]);
  expect(called.changes[1]).toMatchObject({ result: { failure: { code: "INBOX_FULL" } } });
  const sent = p.when(
    ask(3, {
      kind: "send",
      call: { target: { service: "O", key: "a", handler: "other" }, input: null },
      hash: "",
    }),
  );
  expect(kindsOf(sent.changes)).toEqual(["invoked", "finished", "command"]);
});

test("R12: the chain refuses a key that is held above, and a depth without end", () => {
  const p = given([invoke("O/a/hold"), ask(2, calls("S/plain"))]);
  const { changes, entry } = p.when(ask(3, calls("O/a/other")));
  expect(kindsOf(changes)).toEqual(["command", "notified"]);
  expect(changes[1]).toMatchObject({
    notification: {
      result: { failure: { code: "KEY_DEADLOCK", data: { cycle: ["O/a", "#3", "O/a"] } } },
    },
  });
  expect(entry).toMatchObject({ command: { callee: null } });
  expect(kindsOf(p.when(ask(3, calls("O/a/read"))).changes)).toContain("started");
  const leader = new Deciding();
  leader.decide(invoke("S/plain"));
  let called = leader.decide(ask(leader.position, calls("S/plain")));
  for (let depth = 1; depth < callDepthMax; depth++) {
    expect(kindsOf(called.changes)).toContain("started");
    called = leader.decide(ask(leader.position, calls("S/plain")));
  }
  const failure = { code: "CALL_DEPTH" };
  expect(called.changes[1]).toMatchObject({ notification: { result: { failure } } });
});

test("R19: all rows of a key lie together, whatever their service", () => {
  expect(partitionKeyOf("A", "k")).toBe(partitionKeyOf("B", "k"));
  const { leader } = given([invoke("O/a/hold"), invoke("W/a/run"), invoke("O/a/read")]);
  const keys = new Set([2, 3, 4].map((n) => leader.row(n).partitionKey));
  keys.add(leader.tables.object("O", "a").partitionKey);
  expect([keys.size, ...keys][1]).toMatch(/^[0-9a-f]{16}$/);
  expect(keys.size).toBe(1);
});

test("R11: what nobody hosts is refused at the door, and waits where it was promised", () => {
  const p = given([]);
  expect(p.when(invoke("Gone/plain")).answer).toMatchObject({
    error: { code: "SERVICE_NOT_FOUND" },
  });
  expect(p.when(invoke("S/nothing")).answer).toMatchObject({
    error: { code: "HANDLER_NOT_FOUND" },
  });
  const held = given([invoke("O/a/hold"), invoke("O/a/other"), invoke("O/a/hold")]);
  held.leader.hosted = false;
  expect(kindsOf(held.when(finish(2)).changes)).toEqual(["finished", "paused"]);
  held.leader.hosted = true;
  // It holds its key although it has not begun: nobody overtakes it.
  expect(kindsOf(held.when(invoke("O/a/hold")).changes)).toEqual(["invoked", "inboxed"]);
  expect(kindsOf(held.when({ kind: "newRevision", n: 3, revision: "r" }).changes)).toEqual([
    "started",
  ]);
});
