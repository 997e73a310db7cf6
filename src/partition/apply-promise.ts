// What changes do to the durable promises of a workflow's key. Called by apply.ts only.
import type { Change } from "../model/change.ts";
import type { Stamp } from "./stamp.ts";
import { promiseName, type Tables } from "./tables/tables.ts";

type PromiseChange = Extract<
  Change,
  { kind: "promiseAwaited" | "promiseCompleted" | "promiseKept" | "promiseLeft" }
>;

export function promiseChanged(tables: Tables, change: PromiseChange, stamp: Stamp): void {
  const { service, key, name } = change;
  const text = promiseName(service, key, name);
  if (change.kind === "promiseLeft") return tables.promises.delete(text, stamp.position);
  const held = tables.promises.get(text);
  const partitionKey = held?.partitionKey ?? tables.object(service, key).partitionKey;
  const { expiry = null } = change;
  const names = { partitionKey, service, key, name };
  const row = held ?? { ...names, at: 0, result: null, waiters: [], expiry };
  if (change.kind === "promiseKept") row.expiry = expiry;
  else if (change.kind === "promiseAwaited") row.waiters.push(change.waiter);
  else {
    row.result = change.result;
    row.waiters = [];
  }
  tables.promises.put(text, row, stamp.position);
}

/** What is left for those who still wait when a run leaves stays this long, in ms. */
const awaitedMs = 86_400_000;

/** The run of a key leaves: its promises do, but for those a shared handler still waits for. */
export function dropPromises(tables: Tables, service: string, key: string, stamp: Stamp): void {
  const { beside } = tables.object(service, key);
  for (const name of promisesOf(tables, service, key)) {
    const text = promiseName(service, key, name);
    const row = tables.promises.get(text);
    const waiters = row?.waiters.filter(({ n }) => beside.has(n)) ?? [];
    if (row === undefined || waiters.length === 0) {
      tables.promises.delete(text, stamp.position);
      continue;
    }
    row.waiters = waiters;
    row.expiry = stamp.time + awaitedMs;
    tables.promises.touch(text, row, stamp.position);
  }
}

/** Names of the promises of a workflow's key, hot over cold. */
function promisesOf(tables: Tables, service: string, key: string): Set<string> {
  const object = tables.object(service, key);
  const names = new Set(tables.cold.promiseNames(object.partitionKey, service, key));
  for (const [text, row] of tables.promises.held()) {
    const [ofService, ofKey, name] = JSON.parse(text) as [string, string, string];
    if (ofService !== service || ofKey !== key) continue;
    if (row === null) names.delete(name);
    else names.add(name);
  }
  return names;
}
