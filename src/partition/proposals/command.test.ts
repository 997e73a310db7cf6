import { expect, test } from "vitest";
import { ask, began, calls, finish, given, invoke, kindsOf } from "../../../test/support/given.ts";
import { recordLine } from "../../codec/record.ts";
import { idOf } from "../../model/invocation-id.ts";
import { journalEntriesMax, recordBytesMax, stateNamesMax } from "../../model/limits.ts";

const mib = 1024 * 1024;

test("I8: a command of an attempt that is not the current one is dropped", () => {
  const { changes, entry } = given([invoke("S/plain")]).when(ask(2, { kind: "run", name: "x" }, 0));
  expect([changes, entry]).toEqual([[], undefined]);
});

test("I4: commands are numbered in order, and carry the revision where it changes", () => {
  const p = given([invoke("O/a/hold")]);
  const first = p.when(ask(2, { kind: "get", name: "v" })).entry;
  const second = p.when(ask(2, { kind: "set", name: "v", value: "1" })).entry;
  const third = p.when({ ...ask(2, { kind: "clearAll" }), revision: "r2" } as never).entry;
  expect(first).toMatchObject({ index: 0, revision: "r1", command: { answer: undefined } });
  expect(second).toMatchObject({ index: 1, revision: undefined });
  expect(third).toMatchObject({ index: 2, revision: "r2" });
});

test("R5: a set past the bounds is an entry that says so, and changes nothing", () => {
  const p = given([invoke("O/a/hold")]);
  const { state } = p.leader.tables.object("O", "a");
  expect(state.size).toBe(0);
  for (let i = 0; i < stateNamesMax; i++)
    p.when(ask(2, { kind: "set", name: `v${i}`, value: "1" }));
  const { entry, leader } = p.when(ask(2, { kind: "set", name: "more", value: "1" }));
  expect(entry?.command).toMatchObject({
    kind: "set",
    value: null,
    failure: { code: "STATE_TOO_LARGE" },
  });
  expect(leader.tables.object("O", "a").state.size).toBe(stateNamesMax);
  expect(p.when(ask(2, { kind: "set", name: "v0", value: "2" })).entry?.command).not.toHaveProperty(
    "failure",
  );
});

test("R13: a send to nobody is an entry that says so, not a send that is lost", () => {
  const call = { target: { service: "Gone", key: null, handler: "plain" }, input: null };
  const { entry, changes } = given([invoke("S/plain")]).when(
    ask(2, { kind: "send", call, hash: "" }),
  );
  expect(kindsOf(changes)).toEqual(["command"]);
  expect(entry?.command).toMatchObject({ callee: null, failure: { code: "SERVICE_NOT_FOUND" } });
});

test("JOURNAL_TOO_LONG: an invocation ends where its journal does", () => {
  const p = given([invoke("S/plain")]);
  p.leader.row(2).entries = journalEntriesMax;
  const { entry, changes, learned } = p.when(ask(2, { kind: "run", name: "x" }));
  expect(entry).toBe(undefined);
  expect(changes).toMatchObject([
    { kind: "finished", result: { failure: { code: "JOURNAL_TOO_LONG" } } },
  ]);
  expect(learned).toMatchObject([{ kind: "stop" }]);
});

test("a signal that came before is taken by the command, one that comes later answers it", () => {
  const p = given([invoke("S/plain")]);
  const id = idOf(p.leader.row(2));
  p.when({ kind: "signal", id, name: "s", result: { value: "1" } });
  expect(p.when(ask(2, { kind: "signal", name: "s" })).changes[0]).not.toHaveProperty("open.kind");
  expect(p.when(ask(2, { kind: "signal", name: "s" })).changes[0]).toMatchObject({
    open: { kind: "signal" },
  });
  expect(p.when({ kind: "signal", id, name: "s", result: { value: "2" } }).learned).toMatchObject([
    { kind: "notified", notification: { kind: "signalled" } },
  ]);
  expect(p.leader.row(2).open.size).toBe(0);
});

test("a durable promise settles once; who waits is told in the record that settles it", () => {
  const p = given([invoke("W/x/run"), ask(2, { kind: "promise", name: "p" }), invoke("W/x/read")]);
  const settle = { kind: "promiseComplete", name: "p", result: { value: "1" }, hash: "" } as const;
  expect(kindsOf(p.when(ask(4, settle)).changes)).toEqual([
    "command",
    "promiseCompleted",
    "notified",
    "notified",
  ]);
  expect(p.when(ask(4, settle)).changes[1]).toMatchObject({
    notification: { result: { failure: { code: "PROMISE_ALREADY_COMPLETED" } } },
  });
  expect(p.when(ask(4, { kind: "promisePeek", name: "p" })).entry?.command).toMatchObject({
    answer: { value: "1" },
  });
});

test("R18: what many wait for is told in as many records as it takes, none too large", () => {
  const p = given([invoke("O/a/hold")]);
  for (let i = 0; i < 6; i++) p.when(invoke("S/plain"));
  const id = idOf(p.leader.row(2));
  for (let n = 3; n < 9; n++) p.when(ask(n, { kind: "attach", id }));
  const value = JSON.stringify('"'.repeat(mib));
  const lengths: number[] = [];
  const finished = p.when({ kind: "finish", n: 2, attempt: 1, result: { value } });
  lengths.push(recordLine(began, finished.changes).length);
  expect(finished.learned.some(({ kind }) => kind === "timer")).toBe(true);
  for (
    let timer = p.leader.tables.timers.due(began);
    timer;
    timer = p.leader.tables.timers.due(began)
  ) {
    lengths.push(recordLine(began, p.when({ kind: "timerDue", timer }).changes).length);
  }
  for (const length of lengths) expect(length).toBeLessThanOrEqual(recordBytesMax);
  for (let n = 3; n < 9; n++) {
    expect(p.leader.row(n).open.size).toBe(0);
    expect(p.leader.tables.journals.read(n, 2)[1]).toMatchObject({
      kind: "completed",
      result: { value },
    });
  }
});

test("R3: a read from outside changes nothing and carries what it shows", () => {
  const p = given([invoke("S/plain"), finish(2)]);
  const id = idOf(p.leader.row(2));
  const { changes, effects, answer } = p.when({ kind: "attach", id });
  expect(changes).toEqual([]);
  expect(effects).toMatchObject([{ kind: "answer", answer: { result: { value: '"done"' } } }]);
  const before = JSON.stringify(answer);
  p.leader.tables.invocation(2)!.result = null;
  expect(JSON.stringify(answer)).toBe(before);
});

test("R3: the effect of an end carries its result and its position", () => {
  const p = given([invoke("S/plain")]);
  const { effects } = p.when(finish(2));
  expect(effects).toEqual([{ kind: "completed", n: 2, result: { value: '"done"' }, at: 3 }]);
});

test("R12: a call that waits in an inbox, or for one it did not make, asks for a probe", () => {
  const p = given([invoke("O/a/hold"), invoke("S/plain")]);
  expect(p.when(ask(3, calls("O/a/other"))).learned).toContainEqual({ kind: "waits", n: 4 });
  const id = idOf(p.leader.row(2));
  expect(p.when(ask(3, { kind: "attach", id })).learned).toContainEqual({ kind: "waits", n: 3 });
});
