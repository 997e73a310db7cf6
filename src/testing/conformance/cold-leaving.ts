// Conformance of cold tables: timers, and how completed invocations leave.
import type { PromiseKey, TimerRow } from "../../model/row.ts";
import { countExpiryBase } from "../../model/row.ts";
import type { ColdRead } from "../../ports/cold-table.ts";
import { completedRow, entriesFrom, invocationRow, partitionKey, promiseRow } from "./cold-rows.ts";
import type { Suite } from "./cold-suite.ts";

export function timerTests({ on, expect }: Suite): void {
  const timers: TimerRow[] = [
    ...[
      { due: 10, n: 2, of: -1 },
      { due: 10, n: 2, of: 0 },
      { due: 10, n: 11, of: 3 },
    ],
    ...[
      { due: 20, n: 1, of: 5 },
      { due: 1_700_000_000_000, n: 3, of: -1 },
    ],
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

export function expiryTests({ on, expect }: Suite): void {
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

export function leavingPromiseTests({ on, expect }: Suite): void {
  const names = (promises: readonly PromiseKey[]): string[] => promises.map(({ name }) => name);

  on("promises with an expiry are listed by it, as they stand now", (table, write) => {
    const rows = [
      ...[promiseRow("b", { expiry: 20 }), promiseRow("a", { expiry: 30 })],
      ...[promiseRow("kept"), promiseRow("gone", { expiry: 10 })],
      promiseRow("moved", { expiry: 10, result: { value: "1" } }),
    ];
    write({ promises: rows.map((row) => [row, "put"]) });
    expect(table.expiredPromises(9, 10)).toEqual([]);
    const { service, key } = promiseRow("gone");
    const all = table.expiredPromises(30, 10);
    expect(all.length).toBe(4);
    expect(all.slice(2)).toEqual(["b", "a"].map((name) => ({ service, key, name })));
    write({
      promises: [
        [promiseRow("gone"), "delete"],
        [promiseRow("moved", { expiry: 31 }), "put"],
        [promiseRow("a"), "put"],
      ],
    });
    expect(names(table.expiredPromises(30, 10))).toEqual(["b"]);
    expect(names(table.expiredPromises(31, 10))).toEqual(["b", "moved"]);
    expect(names(table.expiredPromises(31, 1))).toEqual(["b"]);
    expect(table.promise(partitionKey, service, key, "moved")?.expiry).toBe(31);
  });

  on("whether one expires between two times is known, but for runs", (table, write) => {
    const run = { mode: "workflow" } as const;
    const rows = [completedRow(1, 10), completedRow(2, 20, run), completedRow(3, 30)];
    const others = [completedRow(4, countExpiryBase + 1), completedRow(5, null), invocationRow(6)];
    write({ invocations: [...rows, ...others].map((row) => [row.n, row]) });
    const found = ([after, until]: readonly number[]) =>
      table.expires(after as number, until as number);
    expect(
      (
        [
          [0, 9],
          [0, 10],
          [10, 29],
          [10, 30],
          [30, 99],
        ] as const
      ).map(found),
    ).toEqual([...[false, true, false, true, false]]);
  });
}

export function sweepTests({ on, expect }: Suite): void {
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

  on("journal and derived id leave with a swept row, unless the id moved on", (table, write) => {
    const rows = ["a", "b"].map((derivedId, i) => completedRow(i + 1, 10, { derivedId }));
    write({
      invocations: [...rows, invocationRow(3, { derivedId: "b" })].map((row) => [row.n, row]),
      journals: [{ n: 1, from: 0, entries: entriesFrom(0, 2), end: "finished" }],
      derived: [
        ["a", 1],
        ["b", 3],
      ],
    });
    write({ swept: { count: 0, time: 10 } });
    expect(left(table, 3)).toEqual([3]);
    expect(table.journal(1, 0)).toEqual([]);
    expect(table.derived("a")).toBeUndefined();
    expect(table.derived("b")).toBe(3);
  });
}
