// What an attempt reports beside its commands: it ended, waits, or failed; a step's body ended.
// Reports of an attempt that is not the current one are dropped (I8); a step's result is taken as
// long as its command is open (R8).
import { failureOf, HoldfastError } from "../../model/errors.ts";
import type { Result } from "../../model/payload.ts";
import type { Proposal } from "../../model/proposal.ts";
import type { InvocationRow, OpenCommand } from "../../model/row.ts";
import { dueOf } from "../../model/row.ts";
import type { Decision } from "../decision.ts";
import { currentAttempt } from "./command.ts";
import { begin } from "./create.ts";
import { finish } from "./finish.ts";
import { complete } from "./notify.ts";
import { run } from "./run.ts";

type Of<K extends Proposal["kind"]> = Extract<Proposal, { kind: K }>;

export function finishAttempt(decision: Decision, proposal: Of<"finish">): void {
  const row = currentAttempt(decision, proposal.n, proposal.attempt);
  if (row !== undefined) finish(decision, row, proposal.result);
}

export function suspend(decision: Decision, proposal: Of<"suspend">): void {
  const row = currentAttempt(decision, proposal.n, proposal.attempt);
  if (row !== undefined) decision.emit({ kind: "suspended", n: row.n });
}

export function fail(decision: Decision, proposal: Of<"fail">): void {
  const { n, failure, again, revision } = proposal;
  const row = currentAttempt(decision, n, proposal.attempt);
  if (row === undefined) return;
  switch (again.kind) {
    case "fail":
      return finish(decision, row, { failure });
    case "at":
      decision.emit({ kind: "failed", n, failure, due: Math.max(again.due, decision.time) });
      return decision.learn({ kind: "timer", due: again.due });
    case "pause": {
      const awaitsRevision = revision === undefined ? undefined : true;
      return decision.emit({ kind: "paused", n, failure, awaitsRevision, revision });
    }
  }
}

export function stepDone(decision: Decision, proposal: Of<"stepDone">): void {
  const { n, of, result } = proposal;
  if (openTry(decision, proposal) === undefined) return;
  complete(decision, { n, of }, result);
}

export function stepFailed(decision: Decision, proposal: Of<"stepFailed">): void {
  const { n, of, failure } = proposal;
  if (openTry(decision, proposal) === undefined) return;
  const due = Math.max(proposal.due, decision.time);
  decision.emit({ kind: "stepFailed", n, of, failure, due });
  decision.learn({ kind: "timer", due });
}

function openTry(
  decision: Decision,
  { n, of, tries }: { n: number; of: number; tries: number },
): object | undefined {
  const row = decision.tables.invocation(n);
  const open = row?.open.get(of);
  return open?.kind === "run" && (open.tries ?? 0) === tries ? open : undefined;
}

/** A timer came due: a delayed start, another try, a sleep's end. */
export function timerDue(decision: Decision, { timer }: Of<"timerDue">): void {
  const { due, n, of } = timer;
  const row = decision.tables.invocation(n);
  const open = row?.open.get(of);
  if (row === undefined) return;
  if (of === -1) {
    if (row.due !== due) return;
    decision.emit({ kind: "timerFired", due, n, of });
    if (row.status === "scheduled") begin(decision, row);
    else if (row.status === "backing-off") run(decision, row);
    return;
  }
  if (open === undefined || dueOf(open) !== due) return;
  if (open.kind === "sleep") complete(decision, { n, of }, { value: null });
  else if (open.kind !== "run") complete(decision, { n, of }, answerOf(decision, row, open));
  else {
    decision.emit({ kind: "timerFired", due, n, of });
    if (row.status === "running") decision.learn({ kind: "retryStep", n, of });
    else if (row.status === "suspended") run(decision, row, row.entries);
  }
}

/** An answer that was left to a record of its own, read where it is kept (R18). */
function answerOf({ tables }: Decision, row: InvocationRow, open: OpenCommand): Result {
  const result =
    open.kind === "promise"
      ? tables.promise(row.service, row.key ?? "", open.name)?.result
      : "n" in open
        ? tables.invocation(open.n)?.result
        : undefined;
  if (result) return result;
  return { failure: failureOf(new HoldfastError("INVOCATION_NOT_FOUND")) };
}
