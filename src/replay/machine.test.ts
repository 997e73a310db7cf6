import { expect, test } from "vitest";
import type { Command, Entry } from "../model/entry.ts";
import { Machine } from "./machine.ts";

const command = (index: number, of: Command): Entry => ({
  ...{ kind: "command", index, command: of, at: 10 + index },
});
const completed = (of: number, value: string): Entry => ({
  ...{ kind: "completed", of, result: { value }, at: 100 + of },
});
const signalled = (name: string, value: string): Entry => ({
  ...{ kind: "signalled", name, result: { value }, at: 50 },
});
const run = { kind: "run", name: "step" } as const;
const value = (text: string) => ({ kind: "result", result: { value: text } });

function machine(entries: readonly Entry[], seen?: number): Machine<string> {
  return new Machine({ entries, seen }, 5, 7);
}

test("what was learned is handed over in the journal's order, not in that of the questions", () => {
  const it = machine([command(0, run), command(1, run), completed(1, "b"), completed(0, "a")]);
  expect(it.ask(run, true).kind).toBe("replayed");
  it.wait(0, "first");
  expect(it.replaying).toBe(true);
  expect(it.ask(run, true).kind).toBe("replayed");
  it.wait(1, "second");
  expect(it.next()).toMatchObject({ kind: "settle", outcome: value("b") });
  expect(it.now).toBe(101);
  expect(it.next()).toMatchObject({ kind: "settle", outcome: value("a") });
  expect([it.next(), it.waits, it.replaying]).toEqual([undefined, false, false]);
  expect(it.ask(run, true)).toEqual({ kind: "new" });
});

test("an answer to what was not asked blocks, and is handed over once it is", () => {
  const it = machine([command(0, run), command(1, run), completed(1, "b")]);
  it.ask(run, true);
  it.wait(0, "first");
  expect(it.next()).toMatchObject({ kind: "blocked", entry: { index: 1 } });
  expect(it.next()).toMatchObject({ kind: "blocked" });
  it.ask(run, true);
  it.wait(1, "second");
  expect(it.next()).toMatchObject({ kind: "settle", outcome: value("b") });
});

test("an answer nobody waits for any more is handed to nobody", () => {
  const it = machine([command(0, run), completed(0, "a")]);
  it.ask(run, true);
  it.wait(0, "first");
  it.giveUp(0);
  expect(it.next()).toEqual({ kind: "nothing" });
});

test("signals of one name go to those who wait, first come first served, or are kept", () => {
  const it = machine([signalled("s", "1")]);
  expect(it.next()).toEqual({ kind: "nothing" });
  it.learn(signalled("s", "2") as never, 8);
  expect(it.next()).toEqual({ kind: "nothing" });
  expect(it.waitForSignal(0, "s", "a")).toEqual({ value: "1" });
  expect(it.waitForSignal(1, "s", "b")).toEqual({ value: "2" });
  expect(it.waitForSignal(2, "s", "c")).toBe(undefined);
  expect(it.waitForSignal(3, "s", "d")).toBe(undefined);
  expect(it.waitForSignal(4, "other", "e")).toBe(undefined);
  it.learn(signalled("s", "3") as never, 9);
  it.learn(signalled("s", "4") as never, 9);
  expect(it.next()).toMatchObject({ kind: "settle", outcome: value("3") });
  expect(it.next()).toMatchObject({ kind: "settle", outcome: value("4") });
  expect([...it.waiting]).toEqual(["e"]);
  expect(it.learned).toBe(9);
});

test("R9: a cancellation rejects what waits, in the order it was asked; else the next", () => {
  const it = machine([]);
  const cancelled = { kind: "cancelled", at: 60 } as const;
  it.wait(2, "second");
  it.wait(1, "first");
  it.learn(cancelled, 8);
  const over = it.next();
  expect(over).toMatchObject({ kind: "cancel" });
  expect([it.waits, it.takeCancellation()]).toEqual([false, false]);
  it.learn(cancelled, 9);
  expect(it.next()).toMatchObject({ kind: "cancel", pending: [] });
  expect([it.takeCancellation(), it.takeCancellation()]).toEqual([true, false]);
});

test("reads of state and of promises are answered by their own entries", () => {
  const get = { kind: "get", name: "v" } as const;
  const peek = { kind: "promisePeek", name: "p" } as const;
  const it = machine([
    command(0, { ...get, answer: "1" }),
    command(1, { kind: "stateKeys", answer: ["v"] }),
  ]);
  it.ask(get, true);
  it.wait(0, "get");
  it.ask({ kind: "stateKeys" }, true);
  it.wait(1, "keys");
  expect(it.next()).toMatchObject({ outcome: { kind: "state", value: "1" } });
  expect(it.next()).toMatchObject({ outcome: { kind: "names", names: ["v"] } });
  expect(it.ask(peek, true).kind).toBe("new");
  it.logged(command(2, { ...peek, answer: null }) as never, 12);
  it.wait(2, "peek");
  expect(it.next()).toMatchObject({ outcome: { kind: "peeked", result: null } });
  expect([it.learned, it.asked]).toEqual([12, 3]);
});

test("a handler that asks other or fewer things than before is told where", () => {
  const it = machine([command(0, run), command(1, run)]);
  expect(it.ask({ kind: "run", name: "other" }, true)).toMatchObject({
    kind: "mismatch",
    difference: { index: 0, expected: 'run "step"', actual: 'run "other"' },
  });
  it.ask(run, true);
  expect(it.unasked()).toMatchObject({ index: 1 });
});

test("code repeats until something is handed over that the attempt before was not handed", () => {
  const entries = [command(0, run), completed(0, "a"), command(1, run), completed(1, "b")];
  const it = machine(entries, 3);
  it.ask(run, true);
  it.wait(0, "first");
  it.next();
  it.ask(run, true);
  it.wait(1, "second");
  expect([it.replaying, it.repeating]).toEqual([false, true]);
  it.next();
  expect(it.repeating).toBe(false);
  // A retry of a step wakes it without anything new in its journal.
  const woken = machine(entries.slice(0, 3), 3);
  woken.ask(run, true);
  woken.wait(0, "first");
  woken.next();
  woken.ask(run, true);
  woken.wait(1, "second");
  expect(woken.repeating).toBe(true);
  woken.learn(completed(1, "b") as never, 9);
  woken.next();
  expect(woken.repeating).toBe(false);
  // Nobody knows what one that died had been handed.
  const again = machine(entries.slice(0, 2));
  again.ask(run, true);
  expect(again.repeating).toBe(false);
});
