// What is moved in is there for who reads it, and given to whoever folds.
import { expect, test } from "vitest";
import { MemoryColdTable } from "../local/memory-cold-table.ts";
import { apply } from "./apply.ts";
import { Tables } from "./tables/tables.ts";

test("a promise that is moved in is held, and is among what changed", () => {
  const options = { keepRows: 0, timerHorizonMs: 0, timerPageMax: 1, track: true };
  const tables = new Tables(new MemoryColdTable(), options);
  const names = { service: "Order", key: "o1", name: "paid" };
  const moved = {
    kind: "promiseMoved",
    ...names,
    result: null,
    waiters: [],
    expiry: null,
  } as const;
  apply(tables, moved, { position: 7, time: 1 });
  expect(tables.promise("Order", "o1", "paid")).toMatchObject({ ...names, at: 7 });
  expect([...tables.promises.changed(0)]).toHaveLength(1);
});
