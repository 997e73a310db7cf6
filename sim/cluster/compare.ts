// O6 in a cluster: each node's table says what the stream's history says up to where it is folded, and
// so do the streams' own messages when they are read again.
import { Folder } from "../../src/engine/materialiser.ts";
import { MemoryColdTable } from "../../src/local/memory-cold-table.ts";
import { placeText } from "../../src/model/place.ts";
import { Tables } from "../../src/partition/tables/tables.ts";
import { dump, type Names } from "../../test/support/tables-dump.ts";
import { firstDifference, tableOptions } from "../stored.ts";
import type { ClusterSimulation } from "./simulation.ts";
import type { Truth } from "./truth.ts";

export function compareWithTruth(sim: ClusterSimulation): void {
  const { world } = sim;
  for (const machine of sim.machines) {
    for (const [partition, table] of machine.tables) {
      const truth = sim.truths.get(placeText({ app: machine.app, partition })) as Truth;
      const { current } = table;
      if (current === undefined || truth.loss !== undefined) continue;
      const position = current.position();
      if (position > truth.last) {
        world.fail("O6", `${truth.text}: a table is at ${position} of ${truth.last}`);
        continue;
      }
      const names = namesOf(sim, position);
      const expected = foldedTo(truth, position);
      if (expected.chain() !== current.chain()) world.fail("O6", `${truth.text}: another chain`);
      const difference = firstDifference(told(expected, names), told(current, names), "");
      if (difference !== undefined) world.fail("O6", `${truth.text} to ${position}: ${difference}`);
    }
  }
}

function told(table: MemoryColdTable, names: Names): unknown {
  const lines = table.lines().map(({ at: _, ...line }) => line);
  return { tables: dump(new Tables(table, tableOptions), names), lines };
}

function foldedTo(truth: Truth, position: number): MemoryColdTable {
  const table = new MemoryColdTable();
  const folder = new Folder(table, { keepRows: 0 });
  let batches = 0;
  for (const batch of truth.batches) {
    if (batch.first > position) break;
    folder.take(batch);
    if (++batches % 7 === 0) folder.write();
  }
  folder.write();
  return table;
}

function namesOf({ profile, requests, edits }: ClusterSimulation, last: number): Names {
  const keys = Array.from({ length: profile.keys }, (_, i) => `${i}`);
  const flows = requests.filter(({ door }) => door === "workflow").map(({ op }) => op);
  return {
    last,
    objects: [
      ...["List", "Sink", "Keyed"].flatMap((service) => keys.map((key) => [service, key] as const)),
      ...flows.map((key) => ["Flow", key] as const),
      ...[...edits.keys()].map((key) => ["Edited", key] as const),
    ],
    promises: keys.map((key) => `p${key}`),
  };
}
