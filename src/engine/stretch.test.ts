import { expect, test } from "vitest";
import { type Deciding, given, invoke } from "../../test/support/given.ts";
import { MemoryColdTable } from "../local/memory-cold-table.ts";
import { type ErrorCode, HoldfastError } from "../model/errors.ts";
import type { ColdChanges } from "../ports/cold-table.ts";
import { Stretch } from "./stretch.ts";

class RefusingTable extends MemoryColdTable {
  refusing: ErrorCode | undefined;

  override write(changes: ColdChanges): void {
    if (this.refusing === undefined) return super.write(changes);
    // As SQLite does: the rows are looked at before the transaction is rolled back.
    for (const rows of [changes.invocations, changes.journals, changes.timers]) {
      for (const _ of rows);
    }
    throw new HoldfastError(this.refusing);
  }

  override close(): void {}
}

function stretch() {
  const cold = new RefusingTable();
  const folded: [number, number][] = [];
  const failed: unknown[] = [];
  const timers = new Map<() => void, number>();
  const it = new Stretch(cold, {
    after: (ms, then) => {
      timers.set(then, ms);
      return { cancel: () => timers.delete(then) };
    },
    folded: (position, bytes) => folded.push([position, bytes]),
    failed: (error) => failed.push(error),
  });
  /** The one that is due first. */
  const fire = (): void => {
    const [then] = [...timers].sort(([, a], [, b]) => a - b)[0] ?? [];
    if (then !== undefined) timers.delete(then);
    then?.();
  };
  return { it, cold, folded, failed, fire, timers };
}

const work = (): Deciding =>
  given([invoke("Cart/k/hold"), invoke("Cart/k/hold"), invoke("Service/plain")]).leader;

test.each(["DISK_FULL", "TABLE_LOCKED"] as const)(
  "R16: a fold that meets %s is a wait: the same batches are folded again, with what came since",
  (code) => {
    const { it, cold, folded, failed, fire } = stretch();
    const leader = work();
    const written: number[] = [];
    cold.refusing = code;
    it.take(leader.batch(1, 2));
    fire();
    it.take(leader.batch(3, 2));
    it.whenWritten((position) => written.push(position));
    fire();
    expect([cold.position(), folded, written, failed]).toEqual([0, [], [], []]);
    cold.refusing = undefined;
    fire();
    const bytes = leader.batch(1, 2).bytes.length + leader.batch(3, 2).bytes.length;
    expect([cold.position(), folded, written, failed]).toEqual([4, [[4, bytes]], [4], []]);
    for (const n of [2, 3, 4])
      expect(cold.invocation(n)).toMatchObject({ n, service: expect.any(String) });
  },
);

test("any other failure of a fold is told, once", () => {
  const { it, cold, failed, fire } = stretch();
  cold.refusing = "TABLE_DAMAGED";
  it.take(work().batch(1, 4));
  fire();
  fire();
  expect(failed).toEqual([expect.objectContaining({ code: "TABLE_DAMAGED" })]);
});

test("what finds no room when it closes is left to the next fold", () => {
  const { it, cold } = stretch();
  cold.refusing = "DISK_FULL";
  it.take(work().batch(1, 4));
  expect(it.close()).toBe(0);
});

test("I11: what a fold that failed for good has given out is never written without its rows", () => {
  const { it, cold, failed, fire } = stretch();
  const leader = work();
  cold.refusing = "TABLE_DAMAGED";
  it.take(leader.batch(1, 2));
  fire();
  cold.refusing = undefined;
  // A batch that was on its way.
  it.take(leader.batch(3, 2));
  fire();
  expect(failed).toHaveLength(2);
  expect(failed[0]).toMatchObject({ code: "TABLE_DAMAGED" });
  expect(cold.position()).toBe(0);
});

test("a stretch is written when nothing more comes, or when its first batch has waited long", () => {
  const { it, cold, timers } = stretch();
  const leader = work();
  const left = (): number[] => [...timers.values()].sort((a, b) => a - b);
  it.take(leader.batch(1, 2));
  const [quiet, age] = left() as [number, number];
  const [first] = [...timers].find(([, ms]) => ms === age) ?? [];
  it.take(leader.batch(3, 2));
  expect(left()).toEqual([quiet, age]);
  // More keeps coming: the timer of the first has not begun anew.
  expect([...timers.keys()]).toContain(first);
  expect(cold.position()).toBe(0);
  first?.();
  expect([cold.position(), left()]).toEqual([4, []]);
});
