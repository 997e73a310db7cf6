// All that tables say, as plain data: what two ways to the same tables must agree on.
import type { Tables } from "../../src/partition/tables/tables.ts";

export interface Names {
  readonly last: number;
  /** Service and key of every object there may be. */
  readonly objects: readonly (readonly [string, string])[];
  readonly promises: readonly string[];
}

export function dump(tables: Tables, names: Names): unknown {
  const { meta } = tables;
  const invocations: unknown[] = [];
  for (let n = 1; n <= names.last; n++) {
    const row = tables.invocation(n);
    if (row === undefined) continue;
    const { objectName: _, open, buffered, ...rest } = row;
    const journal = row.status === "completed" ? "" : tables.journals.read(n, row.entries);
    const derived = row.derivedId === null ? null : tables.byDerivedId(row.derivedId)?.n;
    invocations.push({
      ...rest,
      open: [...open].sort(byFirst),
      buffered: [...buffered].sort(),
      journal,
      derived,
    });
  }
  const objects = names.objects.map(([service, key]) => {
    const { lock, inbox, beside, state, stateBytes } = tables.object(service, key);
    const promises = names.promises.map((name) => {
      const row = tables.promise(service, key, name);
      return row && { result: row.result, waiters: row.waiters, expiry: row.expiry };
    });
    const rest = { state: [...state].sort(), stateBytes, promises };
    return { service, key, lock, inbox, beside: [...beside].sort((a, b) => a - b), ...rest };
  });
  // What is absent and what is undefined read the same, in a record as in a row.
  return JSON.parse(JSON.stringify({ meta, invocations, objects }));
}

/** All timers armed, in order; taking them disarms nothing, but they are told no more. */
export function timersOf(tables: Tables): string[] {
  const found: string[] = [];
  for (;;) {
    const timer = tables.timers.due(Number.MAX_SAFE_INTEGER / 2);
    if (timer === undefined) return found;
    found.push(`${timer.due}:${timer.n}:${timer.of}`);
  }
}

function byFirst(a: readonly [number, unknown], b: readonly [number, unknown]): number {
  return a[0] - b[0];
}
