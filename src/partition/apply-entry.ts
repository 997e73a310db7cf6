// What journal entries do to the tables: the journal itself, the commands still open, state and
// timers. Called by apply.ts only.
import type { Change } from "../model/change.ts";
import type { CommandIndex, Entry, Notification } from "../model/entry.ts";
import type { InvocationRow, OpenCommand } from "../model/row.ts";
import { dueOf } from "../model/row.ts";
import { invariant } from "../std/assert.ts";
import { clearState, setState } from "./apply-object.ts";
import { own } from "./new-row.ts";
import type { Stamp } from "./stamp.ts";
import type { Tables } from "./tables/tables.ts";

type CommandChange = Extract<Change, { kind: "command" }>;

export function applyCommand(
  tables: Tables,
  row: InvocationRow,
  change: CommandChange,
  stamp: Stamp,
): void {
  const { entry, open } = change;
  const { index, command } = entry;
  invariant(index === row.commands, () => `I4: command ${index} of ${row.n} after ${row.commands}`);
  append(tables, row, entry, stamp);
  row.commands++;
  // A new command is progress; what others tell it is not (R10).
  row.crashes = 0;
  if (entry.revision !== undefined) row.revision = entry.revision;
  if (open !== undefined) openCommand(tables, row, index, open, stamp);
  switch (command.kind) {
    case "set":
      if (command.failure !== undefined) return;
      return setState(tables, keyOf(tables, row), command.name, command.value, stamp);
    case "clear":
      return setState(tables, keyOf(tables, row), command.name, undefined, stamp);
    case "clearAll":
      return clearState(tables, keyOf(tables, row), stamp);
    case "signal":
      if (open === undefined) takeBuffered(row, command.name);
      return;
    default:
      return;
  }
}

function append(tables: Tables, row: InvocationRow, entry: Entry, stamp: Stamp): void {
  tables.journals.append(row.n, row.entries, entry, stamp.position);
  row.entries++;
}

function openCommand(
  tables: Tables,
  row: InvocationRow,
  index: CommandIndex,
  open: OpenCommand,
  stamp: Stamp,
): void {
  row.open = own(row.open);
  row.open.set(index, open);
  const due = dueOf(open);
  if (due !== undefined) tables.timers.arm({ due, n: row.n, of: index }, stamp.position);
}

function keyOf(tables: Tables, row: InvocationRow): ReturnType<Tables["object"]> {
  return tables.objectOf(row);
}

function takeBuffered(row: InvocationRow, name: string): void {
  const buffered = row.buffered.get(name) ?? 0;
  invariant(buffered > 0, () => `signal ${name} of ${row.n} was not buffered`);
  if (buffered === 1) row.buffered.delete(name);
  else row.buffered.set(name, buffered - 1);
}

export function applyNotification(
  tables: Tables,
  row: InvocationRow,
  notification: Notification,
  stamp: Stamp,
): void {
  append(tables, row, notification, stamp);
  row.failures = 0;
  row.failingSince = null;
  switch (notification.kind) {
    case "completed":
      return close(tables, row, notification.of, stamp);
    case "signalled":
      return signalled(row, notification.name);
    case "cancelled":
      row.cancelled = true;
      return;
  }
}

function close(tables: Tables, row: InvocationRow, of: CommandIndex, stamp: Stamp): void {
  const open = row.open.get(of);
  invariant(open !== undefined, () => `command ${of} of ${row.n} is answered twice`);
  const due = dueOf(open);
  if (open.kind === "run") row.crashes = 0;
  if (due !== undefined) tables.timers.disarm({ due, n: row.n, of }, stamp.position);
  row.open.delete(of);
}

/** A signal answers the first command that asked for its name, or is kept for the next (R25). */
function signalled(row: InvocationRow, name: string): void {
  for (const [of, open] of row.open) {
    if (open.kind !== "signal" || open.name !== name) continue;
    row.open.delete(of);
    return;
  }
  row.buffered = own(row.buffered);
  row.buffered.set(name, (row.buffered.get(name) ?? 0) + 1);
}

export function journalCopied(
  tables: Tables,
  row: InvocationRow,
  change: Extract<Change, { kind: "journalCopied" }>,
  stamp: Stamp,
): void {
  for (const entry of change.entries) {
    append(tables, row, entry, stamp);
    if (entry.kind === "cancelled") row.cancelled = true;
    if (entry.kind !== "command") continue;
    row.commands++;
    if (entry.revision !== undefined) row.revision = entry.revision;
  }
  for (const [name, count] of change.buffered ?? []) {
    row.buffered = own(row.buffered);
    row.buffered.set(name, count);
  }
  for (const [index, open] of change.open) openCommand(tables, row, index, open, stamp);
}
