// R14: hot over cold. What memory holds and what the cold table holds read as one, forgotten or not.
import { expect, test } from "vitest";
import { ask, began, Deciding, finish, given, invoke } from "../../../test/support/given.ts";
import { Folder } from "../../engine/materialiser.ts";
import { MemoryColdTable } from "../../local/memory-cold-table.ts";
import type { TimerRow } from "../../model/row.ts";
import type { ColdRead } from "../../ports/cold-table.ts";
import { Prng } from "../../std/prng.ts";
import { HotRows } from "./hot-rows.ts";
import { Tables } from "./tables.ts";
import { compareTimers, Timers } from "./timers.ts";

interface Row {
  at: number;
  value: number;
}

test("R14: a deletion hides the row that the cold table still holds", () => {
  const cold = new Map([["a", { at: 1, value: 1 }]]);
  const rows = new HotRows<string, Row>({ cold: (k) => cold.get(k), quiet: () => true, keep: 0 });
  expect(rows.get("a")?.value).toBe(1);
  rows.delete("a", 2);
  expect(rows.get("a")).toBe(undefined);
  rows.forget(1);
  expect(rows.get("a")).toBe(undefined);
  cold.delete("a");
  rows.forget(2);
  expect([rows.get("a"), rows.size]).toEqual([undefined, 0]);
});

test("R14: a row is forgotten once it is folded and quiet, not before", () => {
  let quiet = false;
  const forgotten: number[] = [];
  const rows = new HotRows<string, Row>({
    cold: () => undefined,
    quiet: () => quiet,
    keep: 0,
    onForget: (at) => forgotten.push(at),
  });
  const row = { at: 0, value: 1 };
  rows.put("a", row, 5);
  rows.forget(4);
  expect(rows.holds("a")).toBe(true);
  rows.forget(5);
  expect(rows.holds("a")).toBe(true);
  quiet = true;
  rows.touch("a", row, 6);
  rows.forget(6);
  expect([rows.holds("a"), forgotten]).toEqual([false, [6]]);
});

test("R14: a heavy row goes as soon as it is folded, a light one is kept as a cache", () => {
  const forgotten: number[] = [];
  const cold = new Map<string, Row>();
  const rows = new HotRows<string, Row>({
    cold: (key) => cold.get(key),
    quiet: () => true,
    keep: 10,
    heavy: ({ value }) => value > 100,
    onForget: (at) => forgotten.push(at),
  });
  const grows = { at: 0, value: 1 };
  rows.put("light", { at: 0, value: 1 }, 1);
  rows.put("grows", grows, 2);
  rows.put("heavy", { at: 0, value: 101 }, 3);
  rows.forget(2);
  expect(["light", "grows", "heavy"].map((key) => rows.holds(key))).toEqual([true, true, true]);
  rows.forget(3);
  expect(["light", "grows", "heavy"].map((key) => rows.holds(key))).toEqual([true, true, false]);
  // Touched first and grown after it, at one position, as a record with several changes does.
  rows.touch("grows", grows, 4);
  grows.value = 200;
  rows.touch("grows", grows, 4);
  rows.forget(3);
  expect(rows.holds("grows")).toBe(true);
  rows.forget(4);
  expect([rows.holds("light"), rows.holds("grows"), forgotten]).toEqual([true, false, [3, 4]]);
  // Read again, it goes with the next fold, and what was read is what was put.
  cold.set("grows", { at: 4, value: 200 });
  expect(rows.get("grows")?.value).toBe(200);
  rows.forget(4);
  expect([rows.holds("grows"), rows.size]).toEqual([false, 1]);
});

function pagesOf(held: ReadonlyMap<string, TimerRow>): ColdRead["timers"] {
  return (after, until, limit) =>
    [...held.values()]
      .filter((t) => (after === undefined || compareTimers(t, after) > 0) && t.due <= until)
      .sort(compareTimers)
      .slice(0, limit);
}

for (let seed = 1; seed <= 20; seed++) {
  test(`R14: every timer is told once, in order, whatever is hot or cold, seed ${seed}`, () => {
    const prng = new Prng(`timers ${seed}`);
    const held = new Map<string, TimerRow>();
    const cold = { timers: pagesOf(held) };
    const options = { horizonMs: prng.integer(3) * 50, pageMax: 1 + prng.integer(4) };
    const timers = new Timers(cold as never, options);
    const armed = new Map<string, TimerRow>();
    const keyOf = (t: TimerRow) => `${t.due}:${t.n}:${t.of}`;
    const unfolded: [string, boolean][] = [];
    const fold = (): void => {
      for (const [key, put] of unfolded.splice(0)) {
        const timer = armed.get(key);
        if (put && timer !== undefined) held.set(key, timer);
        else if (!put) held.delete(key);
      }
    };
    let position = 0;
    let now = 0;
    for (let i = 0; i < 400; i++) {
      const dice = prng.integer(10);
      position++;
      if (dice < 5) {
        const timer = { due: now + prng.integer(300), n: prng.integer(5), of: i };
        timers.arm(timer, position);
        armed.set(keyOf(timer), timer);
        unfolded.push([keyOf(timer), true]);
      } else if (dice === 5 && armed.size > 0) {
        const [key, timer] = [...armed][prng.integer(armed.size)] as [string, TimerRow];
        timers.disarm(timer, position);
        armed.delete(key);
        unfolded.push([key, false]);
      } else if (dice === 6) {
        fold();
        timers.forget(position);
      } else {
        now += prng.integer(100);
        const due = [...armed.values()].filter((t) => t.due <= now).sort(compareTimers);
        const next = timers.next(now);
        const earliest = Math.min(...[...armed.values()].map((t) => t.due));
        if (armed.size > 0) expect(next).toBeLessThanOrEqual(Math.max(earliest, now));
        for (const expected of due) {
          const told = timers.due(now);
          expect(told).toEqual(expected);
          timers.disarm(expected, ++position);
          armed.delete(keyOf(expected));
          unfolded.push([keyOf(expected), false]);
        }
        expect(timers.due(now)).toBe(undefined);
      }
    }
  });
}

test("I4: a journal is read whole, part of it cold and part hot", () => {
  const cold = new MemoryColdTable();
  const leader = new Deciding(cold, 0);
  const p = given([invoke("S/plain"), ask(2, { kind: "run", name: "a" })], leader);
  const folder = new Folder(cold, { keepRows: 0 });
  folder.take(leader.batch(1, 3));
  folder.write();
  leader.tables.forget(3);
  p.when(ask(2, { kind: "run", name: "b" }));
  const names = leader.tables.journals
    .read(2, 2)
    .map((entry) => entry.kind === "command" && entry.command);
  expect(names).toMatchObject([{ name: "a" }, { name: "b" }]);
  p.when(finish(2));
  const rest = new Tables(cold, { keepRows: 0, timerHorizonMs: 0, timerPageMax: 1, track: false });
  expect(rest.invocation(2)?.status).toBe("running");
  expect(began).toBeGreaterThan(0);
});

test("R17: a swept row is absent though the cold table may still hold it", () => {
  const cold = new MemoryColdTable();
  const leader = new Deciding(cold, 0);
  const p = given([invoke("S/plain"), finish(2)], leader);
  const folder = new Folder(cold, { keepRows: 0 });
  folder.take(leader.batch(1, 3));
  folder.write();
  leader.tables.forget(3);
  p.when({ kind: "sweep", countUpTo: 3 });
  expect([cold.invocation(2)?.status, leader.tables.invocation(2)]).toEqual([
    "completed",
    undefined,
  ]);
  folder.take(leader.batch(4, 1));
  folder.write();
  expect(cold.invocation(2)).toBe(undefined);
});

test("R14: a cold read from before what memory has let go of is refused", () => {
  const stale = Object.assign(new MemoryColdTable(), { position: () => 4 });
  const options = { keepRows: 0, timerHorizonMs: 0, timerPageMax: 1, track: false };
  const tables = new Tables(stale, options);
  tables.derived.put("id", { at: 0, n: 1 }, 5);
  tables.forget(5);
  expect(() => tables.derived.get("id")).toThrow("R14: the cold table is read at 4");
});
