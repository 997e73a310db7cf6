// What an operator or a client may ask of one invocation. A request is refused before anything is
// decided, or answered once it is durable.
import { failureOf, HoldfastError } from "../../model/errors.ts";
import { idOf } from "../../model/invocation-id.ts";
import type { Proposal } from "../../model/proposal.ts";
import type { InvocationRow } from "../../model/row.ts";
import type { Decision } from "../decision.ts";
import { finish } from "./finish.ts";
import { doneBefore, noteDone } from "./once.ts";
import { post } from "./post.ts";
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
  if (doneBefore(decision, proposal)) return;
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
      noteDone(decision, row.service, proposal.once);
      break;
    case "purge": {
      if (row.status !== "completed") {
        const error = new HoldfastError("INVOCATION_NOT_COMPLETED", { data: { id } });
        return decision.refuse(request, error);
      }
      // What shared handlers of its key still need leaves after them (R17).
      const held = row.mode === "workflow" && decision.tables.objectOf(row).beside.size > 0;
      decision.emit({ kind: held ? "expired" : "purged", n: row.n });
      decision.release({ kind: "gone", n: row.n });
      break;
    }
  }
  decision.answer(request, { kind: "done" });
}

/** Ends it without compensation, and the calls it waits for with it (R21). */
export function kill(decision: Decision, row: InvocationRow, withSends: boolean): void {
  if (row.status === "completed") return;
  const { n } = row;
  const open = [...row.open.values()];
  const sends = withSends ? undelivered(decision, row) : [];
  const failure = failureOf(new HoldfastError("KILLED", { data: { id: idOf(row) } }));
  if (row.status === "running") decision.learn({ kind: "stop", n, code: "KILLED" });
  finish(decision, row, { failure });
  for (const command of open) {
    if (command.kind !== "call") continue;
    killElsewhere(decision, command.id);
    const callee = decision.tables.invocation(command.n);
    if (callee === undefined) continue;
    const only = callee.waiters.every((waiter) => waiter.n === n && waiter.at === undefined);
    if (only) kill(decision, callee, withSends);
  }
  for (const scheduled of sends) kill(decision, scheduled, false);
}

function killElsewhere(decision: Decision, id: string | undefined): void {
  const to = id === undefined ? undefined : decision.leader.directory.locateId(id);
  if (id !== undefined && to !== undefined) post(decision, to, { kind: "kill", id });
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
  const signal = proposal.kind === "signal" ? proposal : undefined;
  if (signal !== undefined && doneBefore(decision, signal)) return;
  const error =
    signal === undefined
      ? completeAwakeable(decision, id, result)
      : signalById(decision, id, signal.name, result);
  if (error !== undefined) return decision.refuse(request, error);
  const found = signal?.once === undefined ? undefined : lookup(decision, id);
  if (found !== undefined && "row" in found) {
    noteDone(decision, found.row.service, signal?.once);
  }
  decision.answer(request, { kind: "done" });
}
