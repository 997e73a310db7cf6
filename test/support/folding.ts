// A leader whose every decision is folded, and let go of, at once: rules see cold rows only.
import { Folder } from "../../src/engine/materialiser.ts";
import { MemoryColdTable } from "../../src/local/memory-cold-table.ts";
import type { InvocationRow } from "../../src/model/row.ts";
import { Deciding, type Given } from "./given.ts";

export interface FoldingLeader {
  readonly leader: Deciding;
  when(proposal: Given): ReturnType<Deciding["decide"]>;
  row(n: number): InvocationRow | undefined;
}

export function folding(): FoldingLeader {
  const cold = new MemoryColdTable();
  const leader = new Deciding(cold, 0);
  const folder = new Folder(cold, { keepRows: 0 });
  let taken = 0;
  const fold = (): void => {
    if (leader.position === taken) return;
    folder.take(leader.batch(taken + 1, leader.position - taken));
    folder.write();
    taken = leader.position;
    leader.tables.forget(taken);
  };
  fold();
  const when = (proposal: Given): ReturnType<Deciding["decide"]> => {
    const decided = leader.decide(proposal);
    fold();
    return decided;
  };
  return { leader, when, row: (n) => leader.tables.invocation(n) };
}
