// O6: the whole history, folded again from its beginning in other stretches, says what the live
// tables say and what the cold table says, in every row.
import { recordsOf } from "../src/codec/record.ts";
import { Folder } from "../src/engine/materialiser.ts";
import { MemoryColdTable } from "../src/local/memory-cold-table.ts";
import { apply } from "../src/partition/apply.ts";
import { Tables } from "../src/partition/tables/tables.ts";
import { dump, type Names } from "../test/support/tables-dump.ts";
import type { Simulation } from "./simulation.ts";

export const tableOptions = { keepRows: 10, timerHorizonMs: 5000, timerPageMax: 100, track: false };

export function compareTables(sim: Simulation, live: Tables): void {
  const { machine, world } = sim;
  const { archive, table } = machine;
  const cold = table.current as MemoryColdTable;
  if (cold.position() !== archive.acknowledged) {
    return world.fail("O6", `folded to ${cold.position()} of ${archive.acknowledged}`);
  }
  const names = namesOf(sim);
  const [whole, again] = refolded(sim);
  const expected = dump(whole, names);
  const same = (what: string, tables: Tables): void => {
    const difference = firstDifference(expected, dump(tables, names), "");
    if (difference !== undefined) world.fail("O6", `${what}: ${difference}`);
  };
  same("the live tables", live);
  same("the cold table", new Tables(cold, tableOptions));
  same("the table folded again", new Tables(again, tableOptions));
  for (let n = 1; n <= names.last; n++) {
    const [a, b] = [JSON.stringify(cold.journal(n, 0)), JSON.stringify(again.journal(n, 0))];
    if (a !== b) world.fail("O6", `the journal of ${n}: ${a} and ${b}`);
  }
}

/** All records applied at once, and folded in stretches. */
function refolded({ machine }: Simulation): [Tables, MemoryColdTable] {
  const whole = new Tables(new MemoryColdTable(), tableOptions);
  const again = new MemoryColdTable();
  const folder = new Folder(again, { keepRows: 0 });
  let batches = 0;
  for (const batch of machine.archive.batches) {
    recordsOf(batch.bytes, batch.first).forEach(({ time, changes }, i) => {
      for (const change of changes) apply(whole, change, { position: batch.first + i, time });
    });
    folder.take(batch);
    if (++batches % 7 === 0) folder.write();
  }
  folder.write();
  return [whole, again];
}

function namesOf({ machine, profile, requests, edits }: Simulation): Names {
  const keys = Array.from({ length: profile.keys }, (_, i) => `${i}`);
  const flows = requests.filter(({ door }) => door === "workflow").map(({ op }) => op);
  return {
    last: machine.archive.acknowledged,
    objects: [
      ...["List", "Sink", "Keyed"].flatMap((service) => keys.map((key) => [service, key] as const)),
      ...flows.map((key) => ["Flow", key] as const),
      ...[...edits.keys()].map((key) => ["Edited", key] as const),
    ],
    promises: keys.map((key) => `p${key}`),
  };
}

export function firstDifference(a: unknown, b: unknown, path: string): string | undefined {
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) {
    return a === b ? undefined : `${path}: ${JSON.stringify(a)} and ${JSON.stringify(b)}`;
  }
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  for (const name of names) {
    const [x, y] = [(a as never)[name], (b as never)[name]];
    const difference = firstDifference(x, y, `${path}/${name}`);
    if (difference !== undefined) return difference;
  }
  return undefined;
}
