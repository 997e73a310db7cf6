// What an operator or a client may ask of one invocation, and the edit of an object's state. A
// request is refused before anything is decided, or answered once it is durable.
import type { CommandEntry, Notification } from "../../model/entry.ts";
import { HoldfastError, failureOf } from "../../model/errors.ts";
import { idOf, namedOf } from "../../model/invocation-id.ts";
import type { Proposal } from "../../model/proposal.ts";
import type { InvocationRow, OpenCommand } from "../../model/row.ts";
import type { Decision } from "../decision.ts";
import { begin } from "./create.ts";
import { finish } from "./finish.ts";
import { complete } from "./notify.ts";
import { run } from "./run.ts";
import { cancel, completeAwakeable, lookup, signalById } from "./signal.ts";

type Of<K extends Proposal["kind"]> = Extract<Proposal, { kind: K }>;

export function operate(
  decision: Decision,
  proposal: Of<"cancel" | "kill" | "pause" | "resume" | "purge">,
): void {
  const { request, id } = proposal;
  const found = lookup(decision, id);
  if ("error" in found) return decision.refuse(request, found.error);
  const { row } = found;
  switch (proposal.kind) {
    case "cancel":
      cancel(decision, row);
      break;
    case "kill":
      kill(decision, row, proposal.withSends === true);
      break;
    case "pause": {
      const error = pause(decision, row);
      if (error !== undefined) return decision.refuse(request, error);
      break;
    }
    case "resume":
      resume(decision, row);
      break;
    case "purge": {
      if (row.status !== "completed") {
        const error = new HoldfastError("INVOCATION_NOT_COMPLETED", { data: { id } });
        return decision.refuse(request, error);
      }
      decision.emit({ kind: "purged", n: row.n });
      decision.release({ kind: "gone", n: row.n });
      break;
    }
  }
  decision.answer(request, { kind: "done" });
}

/** Ends it without compensation, and the calls it waits for with it (R21). */
function kill(decision: Decision, row: InvocationRow, withSends: boolean): void {
  if (row.status === "completed") return;
  const { n } = row;
  const open = [...row.open.values()];
  const sends = withSends ? undelivered(decision, row) : [];
  const failure = failureOf(new HoldfastError("KILLED", { data: { id: idOf(row) } }));
  if (row.status === "running") decision.learn({ kind: "stop", n, code: "KILLED" });
  finish(decision, row, { failure });
  for (const command of open) {
    const callee = command.kind === "call" ? decision.tables.invocation(command.n) : undefined;
    if (callee === undefined) continue;
    const only = callee.waiters.every((waiter) => waiter.n === n);
    if (only) kill(decision, callee, withSends);
  }
  for (const scheduled of sends) kill(decision, scheduled, false);
}

function undelivered(decision: Decision, row: InvocationRow): InvocationRow[] {
  const found: InvocationRow[] = [];
  for (const entry of decision.tables.journals.read(row.n, row.entries)) {
    if (entry.kind !== "command" || entry.command.kind !== "send") continue;
    const callee = decision.tables.invocation(entry.command.callee?.n ?? 0);
    if (callee?.status === "scheduled") found.push(callee);
  }
  return found;
}

function pause(decision: Decision, row: InvocationRow): HoldfastError | undefined {
  const { n, status } = row;
  if (status === "paused") return undefined;
  if (status === "completed" || status === "scheduled" || status === "inboxed") {
    return new HoldfastError("INVOCATION_NOT_RUNNING", { data: { id: idOf(row), status } });
  }
  const error = new HoldfastError("PAUSED", { data: { id: idOf(row) } });
  decision.emit({ kind: "paused", n, failure: failureOf(error) });
  if (status === "running") decision.learn({ kind: "stop", n, code: "PAUSED" });
  return undefined;
}

function resume(decision: Decision, row: InvocationRow): void {
  if (row.status === "paused" || row.status === "backing-off") run(decision, row);
}

/** Lets those that wait for other code try again: a new revision is here (R11). */
export function resumeForRevision(decision: Decision, row: InvocationRow, revision: string): void {
  const { pause: paused } = row;
  if (row.status !== "paused" || paused === null || !paused.awaitsRevision) return;
  if (!paused.revisions.includes(revision)) run(decision, row);
}

export function signal(decision: Decision, proposal: Of<"signal" | "completeAwakeable">): void {
  const { id, result, request } = proposal;
  const error =
    proposal.kind === "signal"
      ? signalById(decision, id, proposal.name, result)
      : completeAwakeable(decision, id, result);
  if (error !== undefined) decision.refuse(request, error);
  else decision.answer(request, { kind: "done" });
}

/** Runs it again as a new invocation, afresh or from an entry of its journal on. */
export function restart(decision: Decision, proposal: Of<"restart">): void {
  const { id, from, unsafe, request } = proposal;
  const found = lookup(decision, id);
  if ("error" in found) return decision.refuse(request, found.error);
  const { row } = found;
  const refusal = notRestartable(row, from);
  if (refusal !== undefined) return decision.refuse(request, refusal);
  const entries = from === 0 ? [] : decision.tables.journals.read(row.n, row.entries).slice(0, from);
  const open = openAfter(entries);
  const waits = [...open.values()].some((command) => command.kind === "awakeable");
  if (waits && !unsafe) {
    return decision.refuse(request, new HoldfastError("RESTART_UNSAFE", { data: { id, from } }));
  }
  const commands = entries.filter((entry) => entry.kind === "command").length;
  const incarnation = decision.leader.mint();
  const n = decision.leader.position;
  const { partitionKey, service, key, handler, mode, input, begunAt } = row;
  decision.emit({
    kind: "invoked",
    invocation: {
      partitionKey,
      incarnation,
      service,
      key,
      handler,
      mode,
      input,
      headers: row.headers ?? undefined,
      retention: row.retention ?? undefined,
      origin: {
        n: row.n,
        incarnation: from === 0 ? incarnation : (row.origin?.incarnation ?? row.incarnation),
        commands,
        begunAt: from === 0 ? null : begunAt,
      },
    },
  });
  if (from > 0) decision.emit({ kind: "journalCopied", n, entries, open: [...open] });
  for (const [of, command] of open) if (command.kind === "call") join(decision, n, of, command.n);
  const created = decision.tables.invocation(n) as InvocationRow;
  begin(decision, created);
  const named = namedOf(created);
  decision.answer(request, { kind: "invocation", named, result: null, attached: false });
}

/** A copied call waits for the invocation it called before. */
function join(decision: Decision, n: number, of: number, callee: number): void {
  const row = decision.tables.invocation(callee);
  const waiter = { n, of };
  if (row === undefined) {
    const failure = failureOf(new HoldfastError("INVOCATION_NOT_FOUND", { data: { n: callee } }));
    complete(decision, waiter, { failure });
  } else if (row.result !== null) complete(decision, waiter, row.result);
  else decision.emit({ kind: "awaited", n: callee, waiter });
}

function notRestartable(row: InvocationRow, from: number): HoldfastError | undefined {
  const data = { id: idOf(row), from, entries: row.entries };
  if (row.status !== "completed") return new HoldfastError("INVOCATION_NOT_COMPLETED", { data });
  if (row.mode === "workflow") {
    return new HoldfastError("RESTART_UNSAFE", {
      message: `${row.service} runs once per key. Purge the run, then start it again.`,
      data,
    });
  }
  if (from <= row.entries) return undefined;
  return new HoldfastError("RESTART_UNSAFE", {
    message: `The journal has ${row.entries} entries; restart from ${from} is not possible.`,
    data,
  });
}

/** The commands that a part of a journal leaves open. */
function openAfter(
  entries: readonly (CommandEntry | Notification)[],
): Map<number, OpenCommand> {
  const open = new Map<number, OpenCommand>();
  for (const entry of entries) {
    if (entry.kind === "completed") open.delete(entry.of);
    if (entry.kind !== "command") continue;
    const { command, index } = entry;
    if (command.kind === "run") open.set(index, { kind: "run", name: command.name });
    else if (command.kind === "sleep") open.set(index, { kind: "sleep", due: command.due });
    else if (command.kind === "awakeable") open.set(index, { kind: "awakeable" });
    else if (command.kind === "call") open.set(index, { kind: "call", n: command.callee?.n ?? 0 });
  }
  return open;
}

/** An operator's edit is an exclusive entry of the key: refused while a handler holds it (R21). */
export function editState(decision: Decision, proposal: Of<"editState">): void {
  const { service, key, clear, values, version, request } = proposal;
  const object = decision.tables.object(service, key);
  if (object.lock !== 0 || (version !== undefined && version !== object.version)) {
    const error = new HoldfastError("STATE_CONFLICT", {
      data: { service, key, version: object.version, held: object.lock !== 0 },
    });
    return decision.refuse(request, error);
  }
  decision.emit({ kind: "stateEdited", service, key, clear, values });
  decision.answer(request, { kind: "done" });
}

