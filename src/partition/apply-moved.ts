// What moved here from another partition's history → the tables: rows as they stood there, under the
// numbers of this place. Called by apply.ts only.
import type { Change } from "../model/change.ts";
import type { InvocationRow, OpenCommand } from "../model/row.ts";
import { dueOf } from "../model/row.ts";
import { invariant, unreachable } from "../std/assert.ts";
import { FewMap } from "../std/few-map.ts";
import { enterBeside, setState } from "./apply-object.ts";
import type { Stamp } from "./stamp.ts";
import { nameOf, promiseName, type Tables } from "./tables/tables.ts";

type Moved = Extract<Change, { kind: "movedIn" | "movedOn" | "keyMoved" | "promiseMoved" }>;
type Of<K extends Moved["kind"]> = Extract<Moved, { kind: K }>;

export function applyMoved(tables: Tables, change: Moved, stamp: Stamp): void {
  switch (change.kind) {
    case "movedIn":
      return movedIn(tables, change, stamp);
    case "movedOn":
      return movedOn(tables, change, stamp);
    case "keyMoved":
      return keyMoved(tables, change, stamp);
    case "promiseMoved":
      return promiseMoved(tables, change, stamp);
    default:
      return unreachable(change);
  }
}

function movedIn(tables: Tables, { invocation, entries }: Of<"movedIn">, stamp: Stamp): void {
  const n = stamp.position;
  const row: InvocationRow = {
    ...invocation,
    n,
    at: n,
    // Its last attempt was of an epoch that is none here: it is begun again (I8).
    epoch: 0,
    entries: 0,
    objectName: undefined,
    inboxedAt: invocation.status === "inboxed" ? n : 0,
    open: new FewMap<number, OpenCommand>(invocation.open),
    buffered: new FewMap<string, number>(invocation.buffered),
    waiters: [...invocation.waiters],
  };
  tables.invocations.put(n, row, n);
  if (row.derivedId !== null) tables.derived.put(row.derivedId, { at: n, n }, n);
  if (row.due !== null) tables.timers.arm({ due: row.due, n, of: -1 }, n);
  for (const [of, open] of row.open) {
    const due = dueOf(open);
    if (due !== undefined) tables.timers.arm({ due, n, of }, n);
  }
  if (row.beside && row.status !== "completed") enterBeside(tables, row, stamp);
  append(tables, row, entries, stamp);
}

function append(
  tables: Tables,
  row: InvocationRow,
  entries: Of<"movedOn">["entries"],
  { position }: Stamp,
): void {
  for (const entry of entries) {
    tables.journals.append(row.n, row.entries, entry, position);
    row.entries++;
  }
  if (row.status === "completed" && !tables.track) tables.journals.drop(row.n);
}

function movedOn(tables: Tables, { n, entries, end }: Of<"movedOn">, stamp: Stamp): void {
  const row = tables.invocations.get(n);
  invariant(row !== undefined, () => `I3: a change names invocation ${n}, which does not exist`);
  tables.invocations.touch(n, row, stamp.position);
  if (end !== undefined) Object.assign(row, end);
  append(tables, row, entries, stamp);
}

function keyMoved(tables: Tables, change: Of<"keyMoved">, stamp: Stamp): void {
  const { service, key, lock, inbox, version, values } = change;
  const object = tables.object(service, key);
  object.lock = lock;
  // Who waits entered where it was moved in: numbers of an inbox grow.
  for (const n of inbox) {
    const entry = { at: n, n };
    object.inbox.push(entry);
    if (tables.track) object.changed.entered.push(entry);
  }
  for (const [name, value] of values) setState(tables, object, name, value, stamp);
  object.version = version;
  object.name ??= nameOf(service, key);
  tables.objects.touch(object.name, object, stamp.position);
}

function promiseMoved(tables: Tables, change: Of<"promiseMoved">, stamp: Stamp): void {
  const { service, key, name, result, waiters, expiry } = change;
  const { partitionKey } = tables.object(service, key);
  const row = { partitionKey, service, key, name, at: 0, result, waiters: [...waiters], expiry };
  tables.promises.put(promiseName(service, key, name), row, stamp.position);
}
