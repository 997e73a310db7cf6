// Conformance of cold tables: invocations, the ids derived for them, and their journals.
import type { Status } from "../../model/row.ts";
import { completedRow, entriesFrom, fullInvocationRow, invocationRow } from "./cold-rows.ts";
import type { Suite } from "./cold-suite.ts";

export function invocationTests(suite: Suite): void {
  rowTests(suite);
  lookUpTests(suite);
}

function rowTests({ on, expect }: Suite): void {
  on("an invocation is read as it was written, every field of it", (table, write) => {
    write({
      invocations: [
        [7, fullInvocationRow(7)],
        [8, invocationRow(8)],
      ],
    });
    expect(table.invocation(7)).toEqual(fullInvocationRow(7));
    expect(table.invocation(8)).toEqual(invocationRow(8));
    expect(table.invocation(9)).toBeUndefined();
  });

  on("a row given replaces the row held, and null removes it", (table, write) => {
    write({
      invocations: [
        [7, fullInvocationRow(7)],
        [8, invocationRow(8)],
      ],
    });
    const next = invocationRow(7, { key: null, status: "running", input: null });
    write({
      invocations: [
        [7, next],
        [8, null],
        [9, null],
      ],
    });
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
}

function lookUpTests({ on, expect }: Suite): void {
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
    write({
      derived: [
        ["wf", 3],
        ["idem", 4],
      ],
    });
    write({
      derived: [
        ["wf", 9],
        ["idem", null],
        ["never", null],
      ],
    });
    expect(table.derived("wf")).toBe(9);
    expect(table.derived("idem")).toBeUndefined();
  });
}

export function journalTests({ on, expect }: Suite): void {
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
      invocations: [
        [7, completedRow(7, null)],
        [8, completedRow(8, null)],
      ],
      journals: [
        { ...open, end: "finished" },
        { n: 8, from: 0, entries: [], end: "finished" },
      ],
    });
    expect(table.journal(7, 0)).toEqual(entriesFrom(0, 3));
    expect(table.journal(8, 0)).toEqual([]);
  });

  on("a finished journal stays when its row changes later", (table, write) => {
    write({ invocations: [[7, completedRow(7, null)]], journals: [{ ...open, end: "finished" }] });
    write({ invocations: [[7, completedRow(7, 5)]] });
    expect(table.journal(7, 0)).toEqual(entriesFrom(0, 3));
  });
}

export function journalEndTests({ on, expect }: Suite): void {
  const open = { n: 7, from: 0, entries: entriesFrom(0, 3), end: "open" } as const;

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

  on("a journal goes with its invocation, finished in that fold or not", (table, write) => {
    write({
      invocations: [
        [7, invocationRow(7)],
        [8, completedRow(8, null)],
        [9, invocationRow(9)],
      ],
      journals: [open, { ...open, n: 8, end: "finished" }, { ...open, n: 9 }],
    });
    const end = { n: 9, from: 3, entries: entriesFrom(3, 1), end: "finished" } as const;
    write({
      invocations: [
        [7, null],
        [8, null],
        [9, null],
      ],
      journals: [end],
    });
    for (const n of [7, 8, 9]) expect(table.journal(n, 0)).toEqual([]);
  });
}
