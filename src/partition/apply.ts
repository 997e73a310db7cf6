// A change → the tables: the only writer of hot rows. It has three callers, the leader, recovery and
// the materialiser, and must do the same for all (I3, I11): it reads nothing but the tables and the
// change, refuses nothing and never asks the time.
import type { Change } from "../model/change.ts";
import type { InvocationNumber, InvocationRow, OpenCommand } from "../model/row.ts";
import { dueOf, expiryOf } from "../model/row.ts";
import { invariant, unreachable } from "../std/assert.ts";
import { applyCommand, applyNotification, journalCopied } from "./apply-entry.ts";
import { applyMoved } from "./apply-moved.ts";
import {
  dropState,
  editState,
  enterBeside,
  enterInbox,
  leaveBeside,
  lockKey,
  unlockKey,
} from "./apply-object.ts";
import { dropPromises, promiseChanged } from "./apply-promise.ts";
import { newRow } from "./new-row.ts";
import type { Stamp } from "./stamp.ts";
import type { Tables } from "./tables/tables.ts";

export function apply(tables: Tables, change: Change, stamp: Stamp): void {
  const { meta } = tables;
  meta.at = stamp.position;
  meta.time = stamp.time;
  switch (change.kind) {
    case "genesis":
      meta.secret = change.secret;
      meta.line = change.line;
      meta.place = change.place ?? "";
      return;
    case "led":
      invariant(change.epoch > meta.epoch, () => `I2: epoch ${change.epoch} after ${meta.epoch}`);
      meta.epoch = change.epoch;
      meta.unclean = change.unclean;
      return;
    case "swept":
      meta.sweptCount = Math.max(meta.sweptCount, change.count);
      meta.sweptTime = Math.max(meta.sweptTime, change.time);
      return;
    case "invoked":
      return invoked(tables, change, stamp);
    case "promiseAwaited":
    case "promiseCompleted":
    case "promiseKept":
    case "promiseLeft":
      return promiseChanged(tables, change, stamp);
    case "stateEdited":
      return editState(tables, change, stamp);
    case "timerFired":
      return timerFired(tables, change, stamp);
    case "purged":
      return purged(tables, change.n, stamp);
    case "movedIn":
    case "movedOn":
    case "keyMoved":
    case "promiseMoved":
      return applyMoved(tables, change, stamp);
    case "aliased":
      return tables.derived.put(change.id, { at: 0, n: change.n }, stamp.position);
    case "posted":
      return tables.outbox.post(change.to, change.seq, change.message, stamp.position);
    case "accepted":
      return tables.outbox.accepted(change.to, change.seq, stamp.position);
    case "delivered":
      return tables.outbox.delivered(change.from, change.seq, stamp.position);
    case "consumed":
      return tables.outbox.consumed(change, stamp.position);
    default:
      return invocationChanged(tables, change, stamp);
  }
}

type OfInvocation = Exclude<
  Change,
  {
    kind:
      | "genesis"
      | "led"
      | "swept"
      | "invoked"
      | "promiseAwaited"
      | "promiseCompleted"
      | "promiseKept"
      | "promiseLeft"
      | "stateEdited"
      | "timerFired"
      | "purged"
      | "aliased"
      | "consumed"
      | "movedIn"
      | "movedOn"
      | "keyMoved"
      | "promiseMoved"
      | "posted"
      | "accepted"
      | "delivered";
  }
>;

function invocationChanged(tables: Tables, change: OfInvocation, stamp: Stamp): void {
  const row = rowOf(tables, change.n);
  tables.invocations.touch(change.n, row, stamp.position);
  row.modifiedAt = stamp.time;
  switch (change.kind) {
    case "inboxed":
      row.status = "inboxed";
      row.inboxedAt = stamp.position;
      return enterInbox(tables, row, stamp);
    case "ready":
      leaveWait(tables, row, stamp);
      row.status = "ready";
      if (change.crashed === true) row.crashes++;
      return;
    case "deferred":
      return deferred(tables, row, change, stamp);
    case "started":
      return started(tables, row, change.crashed === true, stamp);
    case "command":
      return applyCommand(tables, row, change, stamp);
    case "notified":
      return applyNotification(tables, row, change.notification, stamp);
    case "suspended":
      row.status = "suspended";
      row.crashes = 0;
      return;
    case "failed":
      return failed(tables, row, change, stamp);
    case "stepFailed":
      return stepFailed(tables, row, change, stamp);
    case "paused":
      return paused(tables, row, change, stamp);
    case "finished":
      return finished(tables, row, change, stamp);
    case "awaited":
      row.waiters.push(change.waiter);
      return;
    case "expired":
      row.expiry = Math.min(row.expiry ?? stamp.time, stamp.time);
      return;
    case "journalCopied":
      return journalCopied(tables, row, change, stamp);
    default:
      return unreachable(change);
  }
}

function rowOf(tables: Tables, n: InvocationNumber): InvocationRow {
  const row = tables.invocations.get(n);
  invariant(row !== undefined, () => `I3: a change names invocation ${n}, which does not exist`);
  return row;
}

type Invoked = Extract<Change, { kind: "invoked" }>;

function invoked(tables: Tables, { invocation }: Invoked, stamp: Stamp): void {
  const n = stamp.position;
  const row = newRow(invocation, stamp);
  tables.invocations.put(n, row, n);
  if (row.derivedId !== null) tables.derived.put(row.derivedId, { at: n, n }, n);
  if (row.beside) enterBeside(tables, row, stamp);
  if (row.due !== null) {
    row.status = "scheduled";
    tables.timers.arm({ due: row.due, n, of: -1 }, n);
  }
}

/** It no longer waits for a due time or in an inbox, and holds its key. */
function leaveWait(tables: Tables, row: InvocationRow, stamp: Stamp): void {
  disarmDue(tables, row, stamp);
  row.pause = null;
  if (row.mode === "exclusive") lockKey(tables, row, stamp);
}

function disarmDue(tables: Tables, row: InvocationRow, stamp: Stamp): void {
  if (row.due === null) return;
  tables.timers.disarm({ due: row.due, n: row.n, of: -1 }, stamp.position);
  row.due = null;
}

function started(tables: Tables, row: InvocationRow, crashed: boolean, stamp: Stamp): void {
  leaveWait(tables, row, stamp);
  row.status = "running";
  row.attempt++;
  row.epoch = tables.meta.epoch;
  row.begunAt ??= stamp.time;
  if (crashed) row.crashes++;
}

type Of<K extends Change["kind"]> = Extract<Change, { kind: K }>;

function failed(tables: Tables, row: InvocationRow, change: Of<"failed">, stamp: Stamp): void {
  row.status = "backing-off";
  row.failures++;
  row.failingSince ??= stamp.time;
  row.lastFailure = change.failure;
  row.crashes = 0;
  row.due = change.due;
  tables.timers.arm({ due: change.due, n: row.n, of: -1 }, stamp.position);
}

function deferred(tables: Tables, row: InvocationRow, change: Of<"deferred">, stamp: Stamp): void {
  const { of, due } = change;
  const open = row.open.get(of);
  invariant(
    (open !== undefined && "n" in open) || open?.kind === "promise",
    () => `R18: ${of} waits`,
  );
  row.open.set(of, { ...open, due });
  tables.timers.arm({ due, n: row.n, of }, stamp.position);
}

function stepFailed(
  tables: Tables,
  row: InvocationRow,
  change: Of<"stepFailed">,
  stamp: Stamp,
): void {
  const open = row.open.get(change.of);
  invariant(open?.kind === "run", () => `R8: step ${change.of} of ${row.n} is not open`);
  row.open.set(change.of, {
    kind: "run",
    name: open.name,
    tries: (open.tries ?? 0) + 1,
    since: open.since ?? stamp.time,
    due: change.due,
    error: change.failure,
  });
  row.lastFailure = change.failure;
  tables.timers.arm({ due: change.due, n: row.n, of: change.of }, stamp.position);
}

function paused(tables: Tables, row: InvocationRow, change: Of<"paused">, stamp: Stamp): void {
  disarmDue(tables, row, stamp);
  // What is paused before it began holds its key as well: nobody overtakes it.
  if (row.mode === "exclusive") lockKey(tables, row, stamp);
  const before = row.pause?.revisions ?? [];
  row.status = "paused";
  row.crashes = 0;
  row.lastFailure = change.failure;
  row.pause = {
    failure: change.failure,
    awaitsRevision: change.awaitsRevision === true,
    revisions: change.revision === undefined ? before : [...before, change.revision],
  };
}

function finished(tables: Tables, row: InvocationRow, change: Of<"finished">, stamp: Stamp): void {
  const { n } = row;
  disarmDue(tables, row, stamp);
  if (row.open.size > 0) for (const [of, open] of row.open) disarmOpen(tables, n, of, open, stamp);
  if (row.open.size > 0) row.open.clear();
  if (row.buffered.size > 0) row.buffered.clear();
  if (row.waiters.length > 0) row.waiters = [];
  row.pause = null;
  row.status = "completed";
  row.result = change.result;
  row.completedAt = stamp.time;
  const aDay = 86_400_000;
  const retention = row.retention ?? ("failure" in change.result ? aDay : null);
  row.expiry = expiryOf(retention, stamp.position, stamp.time);
  if (row.mode === "exclusive") unlockKey(tables, row, stamp);
  if (row.beside) leaveBeside(tables, row, stamp);
  // Only the fold still needs the journal; who asks for it later reads it from the cold table.
  if (!tables.track) tables.journals.drop(n);
}

function disarmOpen(
  tables: Tables,
  n: InvocationNumber,
  of: number,
  open: OpenCommand,
  stamp: Stamp,
): void {
  const due = dueOf(open);
  if (due !== undefined) tables.timers.disarm({ due, n, of }, stamp.position);
}

function timerFired(tables: Tables, change: Of<"timerFired">, stamp: Stamp): void {
  const { due, n, of } = change;
  tables.timers.disarm({ due, n, of }, stamp.position);
  const row = tables.invocations.get(n);
  if (row === undefined) return;
  const open = row.open.get(of);
  if (of === -1 && row.due === due) row.due = null;
  else if (open?.kind === "run" && open.due === due) row.open.set(of, { ...open, due: undefined });
  else return;
  tables.invocations.touch(n, row, stamp.position);
}

/**
 * Removes an invocation with its journal; for a workflow's run, also its promises and state. Of
 * those, what a shared handler of the key still waits for stays, and stays unsettled (R17).
 */
function purged(tables: Tables, n: InvocationNumber, stamp: Stamp): void {
  const { position } = stamp;
  const row = rowOf(tables, n);
  disarmDue(tables, row, stamp);
  for (const [of, open] of row.open) disarmOpen(tables, n, of, open, stamp);
  if (row.mode === "exclusive") unlockKey(tables, row, stamp);
  if (row.derivedId !== null && tables.derived.get(row.derivedId)?.n === n) {
    tables.derived.delete(row.derivedId, position);
  }
  if (row.mode === "workflow" && row.key !== null) {
    dropState(tables, row.service, row.key, stamp);
    dropPromises(tables, row.service, row.key, stamp);
  }
  tables.invocations.delete(n, position);
}
