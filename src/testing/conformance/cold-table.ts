// What every cold table promises, as tests for any runner: the caller brings its `test` and
// `expect`, so that no runner becomes a dependency. An adapter passes when all of these do; what is
// found wrong in one adapter becomes a case here.
import type { ColdChanges } from "../../ports/cold-table.ts";
import { invocationTests, journalEndTests, journalTests } from "./cold-invocations.ts";
import { expiryTests, leavingPromiseTests, sweepTests, timerTests } from "./cold-leaving.ts";
import {
  besideTests,
  inboxTests,
  nameTests,
  objectHeadTests,
  objectTests,
  promiseTests,
} from "./cold-objects.ts";
import { outboxTests } from "./cold-outbox.ts";
import {
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
import type { ColdTableConformance, Suite } from "./cold-suite.ts";

export type { ColdTableConformance, ColdTableUnderTest } from "./cold-suite.ts";

/** Registers the tests of the cold table port for one adapter. */
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
  journalEndTests(suite);
  objectTests(suite);
  objectHeadTests(suite);
  inboxTests(suite);
  besideTests(suite);
  nameTests(suite);
  promiseTests(suite);
  timerTests(suite);
  expiryTests(suite);
  sweepTests(suite);
  leavingPromiseTests(suite);
  outboxTests(suite);
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
    expect(table.expires(0, Number.MAX_SAFE_INTEGER)).toBe(false);
    expect(table.expiredPromises(Number.MAX_SAFE_INTEGER, 10)).toEqual([]);
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

/** Something in every table, for tests that look at all of them. */
function everything(): Partial<ColdChanges> {
  return {
    position: 40,
    chain: 41,
    meta: metaRow({ epoch: 6 }),
    invocations: [
      [7, fullInvocationRow(7)],
      [8, completedRow(8, null)],
    ],
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
