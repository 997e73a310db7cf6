// Invocations that wait for other code than the one they met: tried when some is here that they have
// not tried yet (R11).
import type { Tables } from "../partition/tables/tables.ts";
import type { Processor } from "./processor.ts";
import type { Registry } from "./registry.ts";

/** Paused invocations looked at in one go: each is read from the table. */
const pausedMax = 100_000;

export function resumePaused(tables: Tables, registry: Registry, processor: Processor): void {
  const paused = new Set(tables.cold.unfinished("paused", 0, pausedMax));
  for (const [n, row] of tables.invocations.held()) if (row?.status === "paused") paused.add(n);
  for (const n of paused) {
    const row = tables.invocation(n);
    if (row?.pause?.awaitsRevision !== true) continue;
    const code = registry.code(row.service, row.handler, row.revision);
    if (code === undefined) continue;
    processor.propose({ kind: "newRevision", n, revision: code.revision });
  }
}
