// What changes do to an object's key: its lock, its inbox and its state. Called by apply.ts only.
import type { Change } from "../model/change.ts";
import type { Payload } from "../model/payload.ts";
import { payloadBytes } from "../model/payload.ts";
import type { InvocationRow, ObjectRow } from "../model/row.ts";
import { invariant } from "../std/assert.ts";
import type { Stamp } from "./stamp.ts";
import { nameOf, type Tables } from "./tables/tables.ts";

function touch(tables: Tables, object: ObjectRow, stamp: Stamp): void {
  object.name ??= nameOf(object.service, object.key);
  tables.objects.touch(object.name, object, stamp.position);
}

/** Takes the key for an invocation, out of the inbox if it waited there (I6). */
export function lockKey(tables: Tables, row: InvocationRow, stamp: Stamp): void {
  const object = tables.objectOf(row);
  if (object.lock === row.n) return;
  invariant(
    object.lock === 0,
    () => `I6: ${row.n} takes ${row.service}/${row.key}, held by ${object.lock}`,
  );
  object.lock = row.n;
  leaveInbox(tables, object, row);
  touch(tables, object, stamp);
}

/** Frees the key if this invocation holds it, else takes the invocation out of the inbox. */
export function unlockKey(tables: Tables, row: InvocationRow, stamp: Stamp): void {
  const object = tables.objectOf(row);
  if (object.lock === row.n) object.lock = 0;
  else if (row.inboxedAt !== 0) leaveInbox(tables, object, row);
  else return;
  touch(tables, object, stamp);
}

export function enterInbox(tables: Tables, row: InvocationRow, stamp: Stamp): void {
  const object = tables.objectOf(row);
  const entry = { at: stamp.position, n: row.n };
  object.inbox.push(entry);
  if (tables.track) object.changed.entered.push(entry);
  touch(tables, object, stamp);
}

function leaveInbox(tables: Tables, object: ObjectRow, row: InvocationRow): void {
  const at = row.inboxedAt;
  if (at === 0) return;
  const first = object.inbox[0]?.n === row.n;
  const index = first ? 0 : object.inbox.findIndex((entry) => entry.n === row.n);
  invariant(index >= 0, () => `I6: ${row.n} is not in the inbox it entered at ${at}`);
  object.inbox.splice(index, 1);
  if (tables.track) object.changed.left.push(at);
  row.inboxedAt = 0;
}

/** A shared handler of a workflow, from its creation to its end (R17). */
export function enterBeside(tables: Tables, row: InvocationRow, stamp: Stamp): void {
  const object = tables.objectOf(row);
  object.beside.add(row.n);
  if (tables.track) object.changed.entered.push({ at: -row.n, n: row.n });
  touch(tables, object, stamp);
}

export function leaveBeside(tables: Tables, row: InvocationRow, stamp: Stamp): void {
  const object = tables.objectOf(row);
  if (!object.beside.delete(row.n)) return;
  if (tables.track) object.changed.left.push(-row.n);
  touch(tables, object, stamp);
}

export function setState(
  tables: Tables,
  object: ObjectRow,
  name: string,
  value: Payload | undefined,
  stamp: Stamp,
): void {
  const before = object.state.get(name);
  if (before !== undefined) object.stateBytes -= payloadBytes(before) + name.length;
  if (value === undefined) object.state.delete(name);
  else {
    object.state.set(name, value);
    object.stateBytes += payloadBytes(value) + name.length;
  }
  object.version++;
  if (tables.track) object.changed.names.add(name);
  touch(tables, object, stamp);
}

export function clearState(tables: Tables, object: ObjectRow, stamp: Stamp): void {
  object.state.clear();
  object.stateBytes = 0;
  object.version++;
  if (tables.track) {
    object.changed.names.clear();
    object.changed.allNames = true;
  }
  touch(tables, object, stamp);
}

export function dropState(tables: Tables, service: string, key: string, stamp: Stamp): void {
  const object = tables.object(service, key);
  if (object.at !== 0 || object.state.size > 0) clearState(tables, object, stamp);
}

export function editState(
  tables: Tables,
  change: Extract<Change, { kind: "stateEdited" }>,
  stamp: Stamp,
): void {
  const object = tables.object(change.service, change.key);
  if (change.clear) clearState(tables, object, stamp);
  for (const [name, value] of change.values) {
    setState(tables, object, name, value ?? undefined, stamp);
  }
}
