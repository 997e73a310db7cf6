// What every cold table promises, as tests for any runner: the caller brings its `test` and
// `expect`, so that no runner becomes a dependency. An adapter passes when all of these do; what is
// found wrong in one adapter becomes a case here.
import type { Status, TimerRow } from "../../model/row.ts";
import type { ColdChanges, ColdRead, ColdTable } from "../../ports/cold-table.ts";
import { countExpiryBase } from "../../model/row.ts";
import {
  asRead,
  changes,
  completedRow,
  entriesFrom,
  fullInvocationRow,
  invocationRow,
  metaRow,
  objectRow,
  partitionKey,
  promiseRow,
} from "./cold-rows.ts";

export interface ColdTableUnderTest {
  readonly table: ColdTable;
  /** Closes the table and opens it again with what it holds. Asked only where supported. */
  reopen(): ColdTable;
  /** A second reader of the same table. Asked only where supported. */
  reader(): ColdRead;
}

export interface ColdTableConformance {
  readonly test: (name: string, body: () => void) => void;
  readonly expect: (value: unknown) => {
    toEqual(expected: unknown): void;
    toBe(expected: unknown): void;
    toBeUndefined(): void;
  };
  /** A new, empty table for one test; the adapter's test cleans up after it. */
  readonly open: () => ColdTableUnderTest;
  readonly supports: {
    /** What was written is there when the table is opened again. */
    readonly reopen: boolean;
    /** Other connections read while one writes. */
    readonly reader: boolean;
  };
}

type Suite = ColdTableConformance & {
  /** A test on a table of its own, with a short way to write. */
  readonly on: (
    name: string,
    body: (table: ColdTable, write: (fields: Partial<ColdChanges>) => void) => void,
  ) => void;
};

export function coldTableConformance(given: ColdTableConformance): void {
  const suite: Suite = {
    ...given,
    on: (name, body) => {
      given.test(name, () => {
        const { table } = given.open();
        body(table, (fields) => table.write(changes(fields)));
      });
    },
  };
  foldTests(suite);
  invocationTests(suite);
  journalTests(suite);
  objectTests(suite);
  inboxTests(suite);
  nameTests(suite);
  promiseTests(suite);
  timerTests(suite);
  expiryTests(suite);
  sweepTests(suite);
  if (given.supports.reopen) reopenTests(suite);
  if (given.supports.reader) readerTests(suite);
}

function foldTests({ on, expect }: Suite): void {
  on("an empty table is folded up to nothing and holds nothing", (table) => {
    expect(table.position()).toBe(0);
    expect(table.chain()).toBe(0);
    expect(table.meta()).toBeUndefined();
    expect(table.invocation(1)).toBeUndefined();
    expect(table.journal(1, 0)).toEqual([]);
    expect(table.derived("x")).toBeUndefined();
    expect(table.object(partitionKey, "Cart", "a")).toBeUndefined();
    expect(table.promise(partitionKey, "Signup", "a", "p")).toBeUndefined();
    expect(table.promiseNames(partitionKey, "Signup", "a")).toEqual([]);
    expect(table.timers(undefined, Number.MAX_SAFE_INTEGER, 10)).toEqual([]);
    expect(table.unfinished("ready", 0, 10)).toEqual([]);
    expect(table.expiredRuns(Number.MAX_SAFE_INTEGER, 10)).toEqual([]);
    expect(table.countKept(1)).toEqual({ kept: 0, expiry: undefined });
  });

  on("a fold moves position, chain and meta together", (table, write) => {
    write({ position: 5, chain: 0xffff_ffff, meta: metaRow({ epoch: 2 }) });
    const meta = metaRow({ at: 9, epoch: 3, unclean: true, sweptCount: -7, sweptTime: 8 });
    write({ position: 2 ** 48, chain: 17, meta });
    expect(table.position()).toBe(2 ** 48);
    expect(table.chain()).toBe(17);
    expect(table.meta()).toEqual(meta);
  });

  on("changes may be read only once", (table, write) => {
    const once = function* <T>(...items: T[]): Generator<T> {
      yield* items;
    };
    write({
      invocations: once([7, invocationRow(7)] as const),
      journals: once({ n: 7, from: 0, entries: entriesFrom(0, 1), end: "open" } as const),
      derived: once(["id", 7] as const),
      objects: once(objectRow("a", { lock: 7 })),
      promises: once([promiseRow("p"), "put"] as const),
      timers: once([{ due: 1, n: 7, of: -1 }, "put"] as const),
    });
    expect(table.journal(7, 0)).toEqual(entriesFrom(0, 1));
    expect(table.object(partitionKey, "Cart", "a")?.lock).toBe(7);
  });
}

function invocationTests({ on, expect }: Suite): void {
  on("an invocation is read as it was written, every field of it", (table, write) => {
    write({ invocations: [[7, fullInvocationRow(7)], [8, invocationRow(8)]] });
    expect(table.invocation(7)).toEqual(fullInvocationRow(7));
    expect(table.invocation(8)).toEqual(invocationRow(8));
    expect(table.invocation(9)).toBeUndefined();
  });

  on("a row given replaces the row held, and null removes it", (table, write) => {
    write({ invocations: [[7, fullInvocationRow(7)], [8, invocationRow(8)]] });
    const next = invocationRow(7, { key: null, status: "running", input: null });
    write({ invocations: [[7, next], [8, null], [9, null]] });
    expect(table.invocation(7)).toEqual(next);
    expect(table.invocation(8)).toBeUndefined();
  });

  on("neither what was written nor what was read is shared with the table", (table, write) => {
    const row = fullInvocationRow(7);
    write({ invocations: [[7, row]] });
    row.open.clear();
    row.waiters.push({ n: 1, of: 1 });
    row.status = "completed";
    const read = table.invocation(7);
    read?.buffered.clear();
    read?.waiters.splice(0);
    expect(table.invocation(7)).toEqual(fullInvocationRow(7));
  });

  on("unfinished invocations are listed by status, ascending, a page at a time", (table, write) => {
    const statuses: Status[] = ["ready", "scheduled", "ready", "paused", "ready", "ready"];
    write({ invocations: statuses.map((status, i) => [i + 1, invocationRow(i + 1, { status })]) });
    expect(table.unfinished("ready", 0, 10)).toEqual([1, 3, 5, 6]);
    expect(table.unfinished("ready", 0, 2)).toEqual([1, 3]);
    expect(table.unfinished("ready", 3, 2)).toEqual([5, 6]);
    expect(table.unfinished("ready", 6, 2)).toEqual([]);
    write({
      invocations: [
        [1, completedRow(1, null)],
        [3, null],
        [4, invocationRow(4, { status: "ready" })],
      ],
    });
    expect(table.unfinished("ready", 0, 10)).toEqual([4, 5, 6]);
    expect(table.unfinished("paused", 0, 10)).toEqual([]);
  });

  on("a derived id names the invocation it was given last", (table, write) => {
    write({ derived: [["wf", 3], ["idem", 4]] });
    write({ derived: [["wf", 9], ["idem", null], ["never", null]] });
    expect(table.derived("wf")).toBe(9);
    expect(table.derived("idem")).toBeUndefined();
  });
}

function journalTests({ on, expect }: Suite): void {
  const open = { n: 7, from: 0, entries: entriesFrom(0, 3), end: "open" } as const;

  on("an open journal grows fold by fold and is read from any entry on", (table, write) => {
    write({ invocations: [[7, invocationRow(7)]], journals: [open] });
    write({ journals: [{ n: 7, from: 3, entries: entriesFrom(3, 4), end: "open" }] });
    write({ journals: [{ n: 7, from: 7, entries: [], end: "open" }] });
    write({ journals: [{ n: 7, from: 7, entries: entriesFrom(7, 1), end: "open" }] });
    for (let from = 0; from <= 9; from++) {
      expect(table.journal(7, from)).toEqual(entriesFrom(from, Math.max(0, 8 - from)));
    }
    expect(table.journal(6, 0)).toEqual([]);
    expect(table.journal(8, 0)).toEqual([]);
  });

  on("a finished journal holds the parts that were folded before", (table, write) => {
    write({ invocations: [[7, invocationRow(7)]], journals: [open] });
    const end = { n: 7, from: 3, entries: entriesFrom(3, 2), end: "finished" } as const;
    write({ invocations: [[7, completedRow(7, null)]], journals: [end] });
    expect(table.journal(7, 0)).toEqual(entriesFrom(0, 5));
    expect(table.journal(7, 4)).toEqual(entriesFrom(4, 1));
    expect(table.journal(7, 5)).toEqual([]);
  });

  on("a journal may finish without new entries, or without its row changing", (table, write) => {
    write({ invocations: [[7, completedRow(7, null)]], journals: [open] });
    write({ journals: [{ n: 7, from: 3, entries: [], end: "finished" }] });
    expect(table.journal(7, 0)).toEqual(entriesFrom(0, 3));
  });

  on("an invocation that began and ended within one fold is one row", (table, write) => {
    write({
      invocations: [[7, completedRow(7, null)], [8, completedRow(8, null)]],
      journals: [{ ...open, end: "finished" }, { n: 8, from: 0, entries: [], end: "finished" }],
    });
    expect(table.journal(7, 0)).toEqual(entriesFrom(0, 3));
    expect(table.journal(8, 0)).toEqual([]);
  });

  on("a finished journal stays when its row changes later", (table, write) => {
    write({ invocations: [[7, completedRow(7, null)]], journals: [{ ...open, end: "finished" }] });
    write({ invocations: [[7, completedRow(7, 5)]] });
    expect(table.journal(7, 0)).toEqual(entriesFrom(0, 3));
  });

  on("nothing of a dropped journal stays, whether it was open or finished", (table, write) => {
    write({
      invocations: [7, 8, 9].map((n) => [n, completedRow(n, null)] as const),
      journals: [open, { ...open, n: 8, end: "finished" }, { ...open, n: 9, end: "finished" }],
    });
    const dropped = { from: 3, entries: entriesFrom(3, 1), end: "dropped" } as const;
    write({
      invocations: [[9, completedRow(9, null)]],
      journals: [7, 8, 9, 10].map((n) => ({ n, ...dropped })),
    });
    for (const n of [7, 8, 9, 10]) expect(table.journal(n, 0)).toEqual([]);
    expect(table.invocation(8)).toEqual(completedRow(8, null));
  });

  on("a journal goes with the row of its invocation, finished in that fold or not", (table, write) => {
    write({
      invocations: [[7, invocationRow(7)], [8, completedRow(8, null)], [9, invocationRow(9)]],
      journals: [open, { ...open, n: 8, end: "finished" }, { ...open, n: 9 }],
    });
    const end = { n: 9, from: 3, entries: entriesFrom(3, 1), end: "finished" } as const;
    write({ invocations: [[7, null], [8, null], [9, null]], journals: [end] });
    for (const n of [7, 8, 9]) expect(table.journal(n, 0)).toEqual([]);
  });
}

function objectTests({ on, expect }: Suite): void {
  const read = (table: ColdRead, key = "a") => table.object(partitionKey, "Cart", key);

  on("lock, inbox and state of a key are read together", (table, write) => {
    const inbox = [{ at: 5, n: 4 }, { at: 9, n: 8 }];
    const state = { cart: '["T-1"]', none: null, png: { base64: "AA==", contentType: "i/p" } };
    const row = objectRow("a", {
      ...{ at: 9, lock: 3, version: 6, stateBytes: 40, inbox, state },
      ...{ entered: inbox, names: Object.keys(state) },
    });
    write({ objects: [row, objectRow("b", { lock: 1 })] });
    expect(read(table)).toEqual(asRead(row));
    expect(read(table, "b")).toEqual(asRead(objectRow("b", { lock: 1 })));
    expect(table.object(partitionKey, "Car", "a")).toBeUndefined();
    expect(table.object("00000000000000a2", "Cart", "a")).toBeUndefined();
  });

  on("of state, only the names that changed are written or removed", (table, write) => {
    const first = { at: 1, version: 2, stateBytes: 6, state: { a: "1", b: "2" } };
    write({ objects: [objectRow("a", { ...first, names: ["a", "b"] })] });
    const second = { at: 5, version: 5, stateBytes: 7, state: { b: "2", c: "33" } };
    write({ objects: [objectRow("a", { ...second, names: ["a", "c", "never"] })] });
    expect(read(table)).toEqual(asRead(objectRow("a", second)));
  });

  on("clearing all removes every name held, then writes what was set since", (table, write) => {
    const first = { at: 1, version: 2, stateBytes: 6, state: { a: "1", "": "2", "9": "3" } };
    write({ objects: [objectRow("a", { ...first, lock: 4, names: ["a", "", "9"] })] });
    const second = { at: 5, version: 4, stateBytes: 2, lock: 4, state: { b: "0" } };
    write({ objects: [objectRow("a", { ...second, allNames: true, names: ["b"] })] });
    expect(read(table)).toEqual(asRead(objectRow("a", second)));
    const third = { at: 6, version: 5, lock: 4 };
    write({ objects: [objectRow("a", { ...third, allNames: true })] });
    expect(read(table)).toEqual(asRead(objectRow("a", third)));
  });

  on("lock and version follow the last change, whichever part of the key it was", (table, write) => {
    const state = { a: "1" };
    const steps = [
      { fields: { at: 1, lock: 7, version: 1, stateBytes: 2, state }, changed: { names: ["a"] } },
      { fields: { at: 2, lock: 0, version: 1, stateBytes: 2, state }, changed: {} },
      {
        fields: { at: 3, lock: 9, version: 1, stateBytes: 2, state, inbox: [{ at: 3, n: 3 }] },
        changed: { entered: [{ at: 3, n: 3 }] },
      },
      {
        fields: { at: 4, lock: 3, version: 2, stateBytes: 2, state },
        changed: { left: [3] },
      },
      { fields: { at: 5, lock: 3, version: 3 }, changed: { names: ["a"] } },
    ];
    for (const { fields, changed } of steps) {
      write({ objects: [objectRow("a", { ...fields, ...changed })] });
      expect(read(table)).toEqual(asRead(objectRow("a", fields)));
    }
  });

  on("a key without lock, inbox and state is removed", (table, write) => {
    const inbox = [{ at: 5, n: 4 }];
    const held = objectRow("a", {
      ...{ lock: 3, inbox, state: { a: "1", b: "2" } },
      ...{ entered: inbox, names: ["a", "b"] },
    });
    write({ objects: [held, objectRow("ab", { lock: 1 })] });
    write({ objects: [objectRow("a", { at: 9, version: 8, names: ["a"], left: [5] })] });
    expect(read(table)).toBeUndefined();
    expect(read(table, "ab")?.lock).toBe(1);
  });
}

function inboxTests({ on, expect }: Suite): void {
  const inboxOf = (table: ColdRead) => table.object(partitionKey, "Cart", "a")?.inbox;

  on("an inbox is in order of arrival, and loses who left", (table, write) => {
    const all = [3, 20, 100, 1000].map((at) => ({ at, n: at - 1 }));
    write({ objects: [objectRow("a", { at: 20, inbox: all.slice(0, 2), entered: all.slice(0, 2) })] });
    write({ objects: [objectRow("a", { at: 1000, inbox: all, entered: all.slice(2) })] });
    expect(inboxOf(table)).toEqual(all);
    write({ objects: [objectRow("a", { at: 1001, lock: 2, inbox: all.slice(1), left: [3] })] });
    expect(inboxOf(table)).toEqual(all.slice(1));
    const rest = [all[1], all[3]].filter((entry) => entry !== undefined);
    write({ objects: [objectRow("a", { at: 1002, lock: 2, inbox: rest, left: [100] })] });
    expect(inboxOf(table)).toEqual(rest);
  });

  on("who came and left within one fold leaves no trace, but the lock does", (table, write) => {
    const row = objectRow("a", { at: 8, lock: 6, entered: [{ at: 7, n: 6 }], left: [7] });
    write({ objects: [row] });
    expect(table.object(partitionKey, "Cart", "a")).toEqual(asRead(row));
  });
}

function nameTests({ on, expect }: Suite): void {
  const strange = ["", " ", "\u0000", "a\u0000b", "\u0001", "\ud800", "x\udc00y", "é", "😀", "%'\"/"];

  on("any text is a key, a name, a value", (table, write) => {
    const state = Object.fromEntries(strange.map((name) => [name, JSON.stringify(name)]));
    write({
      invocations: strange.map((key, i) => [i + 1, invocationRow(i + 1, { key })]),
      objects: strange.map((key) => objectRow(key, { lock: 1, state, names: strange })),
      promises: strange.map((name) => [promiseRow(name, { at: 4 }), "put"]),
    });
    for (const [i, name] of strange.entries()) {
      expect(table.invocation(i + 1)?.key).toBe(name);
      const object = table.object(partitionKey, "Cart", name);
      expect(new Map(object?.state)).toEqual(new Map(Object.entries(state)));
      expect(table.promise(partitionKey, "Signup", "user-1", name)?.name).toBe(name);
    }
    const names = table.promiseNames(partitionKey, "Signup", "user-1");
    expect(names.sort()).toEqual([...strange].sort());
  });
}

function promiseTests({ on, expect }: Suite): void {
  on("promises of a workflow key are put, listed and deleted", (table, write) => {
    const waiting = promiseRow("b", { waiters: [{ n: 4, of: 2 }] });
    const done = promiseRow("a", { result: { value: null }, at: 12 });
    write({ promises: [[waiting, "put"], [promiseRow("a"), "put"], [promiseRow("c"), "put"]] });
    write({ promises: [[done, "put"], [promiseRow("c"), "delete"], [promiseRow("d"), "delete"]] });
    const find = (name: string) => table.promise(partitionKey, "Signup", "user-1", name);
    expect(find("a")).toEqual(done);
    expect(find("b")).toEqual(waiting);
    expect(find("c")).toBeUndefined();
    expect(table.promiseNames(partitionKey, "Signup", "user-1").sort()).toEqual(["a", "b"]);
    expect(table.promiseNames(partitionKey, "Signup", "user")).toEqual([]);
  });
}

function timerTests({ on, expect }: Suite): void {
  const timers: TimerRow[] = [
    ...[{ due: 10, n: 2, of: -1 }, { due: 10, n: 2, of: 0 }, { due: 10, n: 11, of: 3 }],
    ...[{ due: 20, n: 1, of: 5 }, { due: 1_700_000_000_000, n: 3, of: -1 }],
  ];
  const put = (timer: TimerRow) => [timer, "put"] as const;

  on("timers are paged by due, invocation and command, equal dues included", (table, write) => {
    write({ timers: [4, 1, 3, 0, 2].map((i) => put(timers[i] as TimerRow)) });
    expect(table.timers(undefined, Number.MAX_SAFE_INTEGER, 10)).toEqual(timers);
    let after: TimerRow | undefined;
    for (const timer of timers) {
      const page = table.timers(after, Number.MAX_SAFE_INTEGER, 1);
      expect(page).toEqual([timer]);
      after = page[0];
    }
    expect(table.timers(after, Number.MAX_SAFE_INTEGER, 1)).toEqual([]);
    expect(table.timers(timers[0], 10, 10)).toEqual(timers.slice(1, 3));
    expect(table.timers(undefined, 9, 10)).toEqual([]);
    expect(table.timers(undefined, 20, 10)).toEqual(timers.slice(0, 4));
  });

  on("a timer put twice is one, and one deleted is gone", (table, write) => {
    write({ timers: [...timers, ...timers].map(put) });
    write({ timers: timers.slice(1).map((timer) => [timer, "delete"]) });
    expect(table.timers(undefined, Number.MAX_SAFE_INTEGER, 10)).toEqual(timers.slice(0, 1));
  });
}

function expiryTests({ on, expect }: Suite): void {
  on("those kept by number are counted, and the k-th newest is found", (table, write) => {
    const expiries = [1, 2, 3].map((position) => countExpiryBase + position);
    const rows = [...expiries, 5000, null].map((expiry, i) => completedRow(i + 1, expiry));
    write({ invocations: [...rows, invocationRow(6)].map((row) => [row.n, row]) });
    expect(table.countKept(1)).toEqual({ kept: 3, expiry: expiries[2] });
    expect(table.countKept(3)).toEqual({ kept: 3, expiry: expiries[0] });
    expect(table.countKept(4)).toEqual({ kept: 3, expiry: undefined });
    expect(table.countKept(0)).toEqual({ kept: 3, expiry: undefined });
  });

  on("only workflow runs past their time are listed to leave one by one", (table, write) => {
    const run = { mode: "workflow" } as const;
    const rows = [
      ...[completedRow(1, 300, run), completedRow(2, 100, run), completedRow(3, 200)],
      ...[completedRow(4, 100, run), completedRow(5, null, run), completedRow(6, 301, run)],
      ...[completedRow(7, countExpiryBase + 1, run), invocationRow(8, run)],
    ];
    write({ invocations: rows.map((row) => [row.n, row]) });
    expect(table.expiredRuns(300, 10)).toEqual([2, 4, 1]);
    expect(table.expiredRuns(300, 2)).toEqual([2, 4]);
    expect(table.expiredRuns(99, 10)).toEqual([]);
  });
}

function sweepTests({ on, expect }: Suite): void {
  const run = { mode: "workflow" } as const;
  const left = (table: ColdRead, count: number): number[] =>
    Array.from({ length: count }, (_, i) => i + 1).filter((n) => table.invocation(n) !== undefined);

  on("a sweep by number removes what completed up to there, but for runs", (table, write) => {
    const rows = [1, 2, 3, 4].map((n) => completedRow(n, countExpiryBase + n, n === 2 ? run : {}));
    const others = [completedRow(5, 10), completedRow(6, null), invocationRow(7)];
    write({ invocations: [...rows, ...others].map((row) => [row.n, row]) });
    write({ swept: { count: countExpiryBase + 3, time: 0 } });
    expect(left(table, 7)).toEqual([2, 4, 5, 6, 7]);
    expect(table.countKept(1)).toEqual({ kept: 2, expiry: countExpiryBase + 4 });
  });

  on("a sweep by time removes what expired up to then, but for runs", (table, write) => {
    const rows = [completedRow(1, 10), completedRow(2, 11), completedRow(3, 10, run)];
    const others = [completedRow(4, countExpiryBase + 1), completedRow(5, null), invocationRow(6)];
    write({ invocations: [...rows, ...others].map((row) => [row.n, row]) });
    write({ swept: { count: 0, time: 10 } });
    expect(left(table, 6)).toEqual([2, 3, 4, 5, 6]);
    write({ invocations: [[7, completedRow(7, 12)]], swept: { count: countExpiryBase, time: 12 } });
    expect(left(table, 7)).toEqual([3, 4, 5, 6]);
  });

  on("journal and derived id leave with a swept row, unless the id has moved on", (table, write) => {
    const rows = ["a", "b"].map((derivedId, i) => completedRow(i + 1, 10, { derivedId }));
    write({
      invocations: [...rows, invocationRow(3, { derivedId: "b" })].map((row) => [row.n, row]),
      journals: [{ n: 1, from: 0, entries: entriesFrom(0, 2), end: "finished" }],
      derived: [["a", 1], ["b", 3]],
    });
    write({ swept: { count: 0, time: 10 } });
    expect(left(table, 3)).toEqual([3]);
    expect(table.journal(1, 0)).toEqual([]);
    expect(table.derived("a")).toBeUndefined();
    expect(table.derived("b")).toBe(3);
  });
}

/** Something in every table, for tests that look at all of them. */
function everything(): Partial<ColdChanges> {
  return {
    position: 40,
    chain: 41,
    meta: metaRow({ epoch: 6 }),
    invocations: [[7, fullInvocationRow(7)], [8, completedRow(8, null)]],
    journals: [
      { n: 7, from: 0, entries: entriesFrom(0, 3), end: "open" },
      { n: 8, from: 0, entries: entriesFrom(0, 2), end: "finished" },
    ],
    derived: [["id", 7]],
    objects: [objectRow("a", { at: 2, lock: 7, state: { s: "1" }, names: ["s"] })],
    promises: [[promiseRow("p"), "put"]],
    timers: [[{ due: 5, n: 7, of: 2 }, "put"]],
  };
}

function reopenTests({ test, expect, open }: Suite): void {
  test("what was folded is there when the table is opened again", () => {
    const under = open();
    under.table.write(changes(everything()));
    const table = under.reopen();
    expect(table.position()).toBe(40);
    expect(table.chain()).toBe(41);
    expect(table.meta()).toEqual(metaRow({ epoch: 6 }));
    expect(table.invocation(7)).toEqual(fullInvocationRow(7));
    expect(table.journal(7, 1)).toEqual(entriesFrom(1, 2));
    expect(table.journal(8, 0)).toEqual(entriesFrom(0, 2));
    expect(table.derived("id")).toBe(7);
    expect(table.object(partitionKey, "Cart", "a")?.state.get("s")).toBe("1");
    expect(table.promiseNames(partitionKey, "Signup", "user-1")).toEqual(["p"]);
    expect(table.timers(undefined, 5, 1)).toEqual([{ due: 5, n: 7, of: 2 }]);
    table.write(changes({ position: 50 }));
    expect(table.position()).toBe(50);
  });
}

function readerTests({ test, expect, open }: Suite): void {
  test("another reader sees rows and position of the same fold", () => {
    const { table, reader } = open();
    table.write(changes({ position: 1 }));
    const other = reader();
    expect(other.position()).toBe(1);
    expect(other.invocation(7)).toBeUndefined();
    table.write(changes(everything()));
    expect(other.position()).toBe(40);
    expect(other.invocation(7)).toEqual(fullInvocationRow(7));
  });

  test("of a fold that fails nothing is there, and the next one works", () => {
    const { table, reader } = open();
    table.write(changes({ position: 1 }));
    const broken = function* (): Generator<never> {
      throw new RangeError("broken");
    };
    let thrown: unknown;
    try {
      table.write(changes({ ...everything(), timers: broken() }));
    } catch (error) {
      thrown = error;
    }
    expect(thrown instanceof RangeError).toBe(true);
    expect(reader().position()).toBe(1);
    expect(table.invocation(7)).toBeUndefined();
    table.write(changes(everything()));
    expect(reader().position()).toBe(40);
  });
}
