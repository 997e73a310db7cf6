// How fast the cold table folds and reads: a cart is one scheduled invocation, one timer and one
// value of an object's state, of 10,000 keys. Run: npx tsx bench/fold.ts [carts] [keys] [folder]
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MemoryColdTable } from "../src/local/memory-cold-table.ts";
import type { InvocationRow, ObjectRow, TimerRow } from "../src/model/row.ts";
import type { ColdChanges } from "../src/ports/cold-table.ts";
import { openSqliteColdTable } from "../src/sqlite/cold-table.ts";
import { copyTable } from "../src/sqlite/copy.ts";
import { invocationRow, metaRow } from "../src/testing/conformance/cold-rows.ts";

const carts = Number(process.argv[2] ?? 300_000);
const keys = Number(process.argv[3] ?? 10_000);
const folder = mkdtempSync(join(process.argv[4] ?? tmpdir(), "holdfast-bench-"));
/** Carts in one fold: about a tenth of a second of them. */
const cartsPerFold = 4000;
const started = 1_700_000_000_000;

const partitionKeys = Array.from({ length: keys }, (_, key) =>
  BigInt.asUintN(64, BigInt(key + 1) * 0x9e37_79b9_7f4a_7c15n)
    .toString(16)
    .padStart(16, "0"),
);

/** The last `cartsPerFold` carts up to `n`, as the materialiser hands them over. */
function foldUpTo(n: number): ColdChanges {
  const invocations: [number, InvocationRow][] = [];
  const timers: [TimerRow, "put"][] = [];
  const objects = new Map<number, ObjectRow>();
  for (let i = n - cartsPerFold + 1; i <= n; i++) {
    const number = (i * 7919) % keys;
    const partitionKey = partitionKeys[number] ?? "";
    const key = `user-${String(number)}`;
    const due = started + i + 900_000;
    const handler = "expireTicket";
    invocations.push([i, invocationRow(i, { partitionKey, key, handler, due, retention: 60_000 })]);
    timers.push([{ due, n: i, of: -1 }, "put"]);
    objects.set(number, {
      ...{ partitionKey, service: "Cart", key, at: i, lock: 0, inbox: [], version: i },
      beside: new Set(),
      state: new Map([["cart", `["TICKET-${String(i)}","TICKET-${String(i + 1)}"]`]]),
      stateBytes: 32,
      changed: { names: new Set(["cart"]), allNames: false, entered: [], left: [] },
    });
  }
  return {
    ...{ position: n, chain: n, meta: metaRow({ at: n }), invocations, timers, swept: undefined },
    ...{
      objects: objects.values(),
      journals: [],
      derived: [],
      promises: [],
      lines: [],
      messages: [],
    },
  };
}

/** The same invocations come due and leave, with their timers. */
function leavingUpTo(n: number): ColdChanges {
  const { invocations, timers, ...rest } = foldUpTo(n);
  return {
    ...rest,
    objects: [],
    invocations: Array.from(invocations, ([i]) => [i, null] as const),
    journals: Array.from(invocations, ([n]) => ({ n, from: 0, entries: [], end: "dropped" })),
    timers: Array.from(timers, ([timer]) => [timer, "delete"] as const),
  };
}

interface Written {
  readonly seconds: number;
  readonly cpu: number;
}

/** Time in `write` alone: the changes are made beforehand. */
function timed(write: (changes: ColdChanges) => void, of: (n: number) => ColdChanges): Written {
  let seconds = 0;
  let cpu = 0;
  for (let n = cartsPerFold; n <= carts; n += cartsPerFold) {
    const changes = of(n);
    const before = process.cpuUsage();
    const begun = performance.now();
    write(changes);
    seconds += (performance.now() - begun) / 1000;
    const used = process.cpuUsage(before);
    cpu += (used.user + used.system) / 1e6;
  }
  return { seconds, cpu };
}

function report(what: string, { seconds, cpu }: Written): void {
  const perSecond = Math.round(carts / seconds).toLocaleString("en");
  const micros = ((cpu / carts) * 1e6).toFixed(1);
  console.log(`${what.padEnd(34)} ${perSecond.padStart(9)} carts/s   ${micros} µs CPU per cart`);
}

function reads(what: string, read: (i: number) => unknown): void {
  const count = 50_000;
  const begun = performance.now();
  for (let i = 0; i < count; i++) read((i * 7919) % carts);
  const micros = ((performance.now() - begun) / count) * 1000;
  console.log(`${what.padEnd(34)} ${micros.toFixed(2).padStart(9)} µs`);
}

function readAll(path: string): void {
  const table = openSqliteColdTable(path, { readOnly: true });
  const object = (i: number): unknown =>
    table.object(partitionKeys[i % keys] ?? "", "Cart", `user-${String(i % keys)}`);
  reads("invocation", (i) => table.invocation(i + 1));
  reads("object", object);
  reads("position", () => table.position());
  reads("a turn of nothing", () => {
    table.beginReads();
    table.endReads();
  });
  reads("a turn of one object", (i) => {
    table.beginReads();
    object(i);
    table.endReads();
  });
  table.beginReads();
  reads("in one turn: invocation", (i) => table.invocation(i + 1));
  reads("in one turn: nearby invocation", (i) => table.invocation((i % 2000) + 1));
  reads("in one turn: object", object);
  reads("in one turn: object, absent", (i) => table.object("00", "Cart", `user-${String(i)}`));
  reads("in one turn: position", () => table.position());
  reads("in one turn: 100 timers", (i) =>
    table.timers({ due: started + i, n: 0, of: 0 }, Number.MAX_SAFE_INTEGER, 100),
  );
  table.endReads();
  table.close();
}

async function copyAll(path: string): Promise<void> {
  const begun = performance.now();
  const { bytes } = await copyTable(path, join(folder, "copy.db"));
  const ms = (performance.now() - begun).toFixed(0);
  console.log(`copied and checked ${(bytes / 1e6).toFixed(0)} MB in ${ms} ms`);
}

const path = join(folder, "table.db");
try {
  const table = openSqliteColdTable(path);
  console.log(`${String(carts)} carts of ${String(keys)} keys, ${String(cartsPerFold)} per fold`);
  report(
    "fold",
    timed((changes) => table.write(changes), foldUpTo),
  );
  console.log(`bytes per cart: ${(statSync(path).size / carts).toFixed(0)} in the table`);
  readAll(path);
  await copyAll(path);
  report(
    "leave",
    timed((changes) => table.write(changes), leavingUpTo),
  );
  table.close();
  const memory = new MemoryColdTable();
  report(
    "fold in memory",
    timed((changes) => memory.write(changes), foldUpTo),
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
