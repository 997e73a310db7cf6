// The one switch: a proposal → its rule. Pure and synchronous: what a rule needs to know stands in
// the proposal, in a table or in what the leader stamped.

import type { Change } from "../model/change.ts";
import type { Effect, Learned } from "../model/effect.ts";
import type { CommandEntry } from "../model/entry.ts";
import type { Proposal } from "../model/proposal.ts";
import { editHandler } from "../model/target.ts";
import { invariant, unreachable } from "../std/assert.ts";
import { Decision, type Leader } from "./decision.ts";
import * as attempt from "./proposals/attempt.ts";
import { command } from "./proposals/command.ts";
import { consume } from "./proposals/consume.ts";
import { answerOf, create } from "./proposals/create.ts";
import { probe } from "./proposals/deadlock.ts";
import { accepted, deliver, route } from "./proposals/deliver.ts";
import { editState, makeEdit } from "./proposals/edit.ts";
import { lead } from "./proposals/lead.ts";

import * as operator from "./proposals/operate.ts";
import { restart } from "./proposals/restart.ts";
import { start } from "./proposals/run.ts";
import { lookup } from "./proposals/signal.ts";
import { sweep } from "./proposals/sweep.ts";
import type { Tables } from "./tables/tables.ts";

export interface Decided {
  readonly changes: readonly Change[];
  readonly learned: readonly Learned[];
  readonly effects: readonly Effect[];
  /** The entry a command became; undefined when its attempt is not the current one. */
  readonly entry: CommandEntry | undefined;
}

export function decide(tables: Tables, proposal: Proposal, leader: Leader): Decided {
  const decision = new Decision(tables, leader);
  decision.entry = rule(decision, proposal) ?? undefined;
  return decision;
}

function rule(decision: Decision, proposal: Proposal): CommandEntry | undefined | void {
  switch (proposal.kind) {
    case "command":
      return command(decision, proposal);
    case "invoke":
      return invoke(decision, proposal);
    case "finish":
      return attempt.finishAttempt(decision, proposal);
    case "stepDone":
      return attempt.stepDone(decision, proposal);
    case "stepFailed":
      return attempt.stepFailed(decision, proposal);
    case "suspend":
      return attempt.suspend(decision, proposal);
    case "fail":
      return attempt.fail(decision, proposal);
    case "start":
      return startOrEdit(decision, proposal.n);
    case "timerDue":
      return attempt.timerDue(decision, proposal);
    case "attach":
      return attach(decision, proposal);
    case "signal":
    case "completeAwakeable":
      return operator.signal(decision, proposal);
    case "cancel":
    case "kill":
    case "pause":
    case "resume":
    case "purge":
      return operator.operate(decision, proposal);
    case "restart":
      return restart(decision, proposal);
    case "editState":
      return editState(decision, proposal);
    case "probe":
      return probe(decision, proposal.n);
    case "sweep":
      return sweep(decision, proposal.countUpTo);
    case "deliver":
      return deliver(decision, proposal);
    case "accepted":
      return accepted(decision, proposal);
    case "consume":
      return consume(decision, proposal);
    case "route":
      return route(decision, proposal);
    case "newRevision":
      return newRevision(decision, proposal);
    case "lead":
      return lead(decision, proposal);
    default:
      return unreachable(proposal);
  }
}

type Of<K extends Proposal["kind"]> = Extract<Proposal, { kind: K }>;

function invoke(decision: Decision, { call, due, id, request }: Of<"invoke">): void {
  const created = create(decision, { call, due, id, door: true });
  invariant(!("elsewhere" in created), "what comes through a door belongs behind it");
  if ("error" in created) return decision.refuse(request, created.error);
  decision.answer(request, answerOf(created.row, created.attached));
}

/** A read that answers outside: released with the records it was decided upon (R3). */
function attach(decision: Decision, { id, request }: Of<"attach">): void {
  const found = lookup(decision, id);
  if ("error" in found) return decision.refuse(request, found.error);
  decision.answer(request, answerOf(found.row, true));
}

/** What waited for a slot begins; an edit of state that had its turn is made. */
function startOrEdit(decision: Decision, n: number): void {
  const row = decision.tables.invocation(n);
  const edits = row?.handler === editHandler && row.status === "ready";
  if (edits) makeEdit(decision, row);
  else start(decision, n);
}

function newRevision(decision: Decision, { n, revision }: Of<"newRevision">): void {
  const row = decision.tables.invocation(n);
  if (row !== undefined) operator.resumeForRevision(decision, row, revision);
}
