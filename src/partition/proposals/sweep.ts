// What is no longer kept goes, by a logged decision: recovery and the materialiser do what the record
// says, never what their clock says (R17). Nothing is logged where nothing goes.
import { countExpiryBase, type InvocationRow, type PromiseRow } from "../../model/row.ts";
import type { Decision } from "../decision.ts";
import { keptUntil } from "./promise.ts";

/** Runs leave one by one, with promises and state, and promises without one: so many at a time. */
const leavingMax = 100;

export function sweep(decision: Decision, countUpTo: number | undefined): void {
  const { tables, time } = decision;
  const { meta } = tables;
  const count = countUpTo === undefined ? meta.sweptCount : countExpiryBase + countUpTo;
  if (count > meta.sweptCount || tables.cold.expires(meta.sweptTime, time)) {
    decision.emit({ kind: "swept", count: Math.max(count, meta.sweptCount), time });
  }
  for (const { n } of expiredRuns(decision)) decision.emit({ kind: "purged", n });
  for (const row of expiredPromises(decision)) {
    const { service, key, name } = row;
    const expiry = keptUntil(decision, row);
    if (expiry === undefined) decision.emit({ kind: "promiseLeft", service, key, name });
    else decision.emit({ kind: "promiseKept", service, key, name, expiry });
  }
}

/** Whether shared handlers that were there when a run's time was over have not ended. */
export function heldBeside({ tables }: Decision, run: InvocationRow): boolean {
  const { beside } = tables.objectOf(run);
  let oldest = Number.POSITIVE_INFINITY;
  for (const n of beside) oldest = Math.min(oldest, n);
  const row = oldest === Number.POSITIVE_INFINITY ? undefined : tables.invocation(oldest);
  return row !== undefined && row.createdAt <= (run.expiry ?? Number.POSITIVE_INFINITY);
}

function expiredRuns(decision: Decision): InvocationRow[] {
  const { tables, time } = decision;
  return leaving(
    (limit) => tables.cold.expiredRuns(time, limit).map((n) => tables.invocation(n)),
    (row) => row.expiry !== null && row.expiry <= time && !heldBeside(decision, row),
  );
}

function expiredPromises({ tables, time }: Decision): PromiseRow[] {
  return leaving(
    (limit) =>
      tables.cold
        .expiredPromises(time, limit)
        .map(({ service, key, name }) => tables.promise(service, key, name)),
    (row) => row.expiry !== null && row.expiry <= time,
  );
}

/** Looks further where the cold table still holds those that left already, or that are held. */
function leaving<R>(page: (limit: number) => (R | undefined)[], leaves: (row: R) => boolean): R[] {
  for (let limit = leavingMax; ; limit *= 2) {
    const rows = page(limit);
    const there = rows.filter((row): row is R => row !== undefined && leaves(row));
    if (there.length > 0 || rows.length < limit) return there.slice(0, leavingMax);
  }
}
