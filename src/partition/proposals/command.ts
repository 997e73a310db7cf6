// A handler asked something: its command enters the journal with what it answers at once, and what
// it causes is decided in the same record. Commands of a running attempt are never refused (R13).
import type { CommandEntry } from "../../model/entry.ts";
import { failureOf, HoldfastError } from "../../model/errors.ts";
import { idOf } from "../../model/invocation-id.ts";
import { journalEntriesMax, stateBytesMax, stateNamesMax } from "../../model/limits.ts";
import { type Payload, payloadBytes } from "../../model/payload.ts";
import type { CommandRequest, Proposal } from "../../model/proposal.ts";
import type { InvocationRow } from "../../model/row.ts";
import { unreachable } from "../../std/assert.ts";
import type { Decision } from "../decision.ts";
import { Asking } from "./asking.ts";
import { calleeElsewhere, calleeOf, chainOf, create, inChain } from "./create.ts";
import { finish } from "./finish.ts";
import { abroad, post } from "./post.ts";
import { askPromise, completePromise, peekPromise } from "./promise.ts";
import { cancelById, completeAwakeable, lookup, signalById } from "./signal.ts";

type CommandProposal = Extract<Proposal, { kind: "command" }>;

/** Answers the entry as it was logged, undefined when the attempt is not the current one (I8). */
export function command(decision: Decision, proposal: CommandProposal): CommandEntry | undefined {
  const row = currentAttempt(decision, proposal.n, proposal.attempt);
  if (row === undefined) return undefined;
  if (row.entries >= journalEntriesMax) return endTooLong(decision, row);
  const asking = new Asking(decision, row, proposal.revision);
  ask(asking, proposal.command);
  return asking.entry;
}

/** It ends here: whatever it still asked, a compensation too, would be one entry more. */
function endTooLong(decision: Decision, row: InvocationRow): undefined {
  const data = { id: idOf(row), limit: journalEntriesMax };
  const error = new HoldfastError("JOURNAL_TOO_LONG", { data });
  decision.learn({ kind: "stop", n: row.n, code: error.code });
  finish(decision, row, { failure: failureOf(error) });
}

/** The row of an invocation whose open attempt this is. */
export function currentAttempt(
  decision: Decision,
  n: number,
  attempt: number,
): InvocationRow | undefined {
  const row = decision.tables.invocation(n);
  return row?.status === "running" && row.attempt === attempt ? row : undefined;
}

function ask(asking: Asking, request: CommandRequest): void {
  switch (request.kind) {
    case "get":
    case "stateKeys":
      return readState(asking, request);
    case "set":
      return setState(asking, request);
    case "clear":
    case "clearAll":
    case "version":
    case "run":
      return asking.log(request, request.kind === "run" ? { ...request } : undefined);
    case "sleep": {
      const due = asking.decision.time + request.ms;
      asking.log({ kind: "sleep", due }, { kind: "sleep", due });
      return asking.decision.learn({ kind: "timer", due });
    }
    case "awakeable":
      return asking.log(request, { kind: "awakeable" });
    case "signal": {
      const buffered = asking.row.buffered.has(request.name);
      return asking.log(request, buffered ? undefined : { ...request });
    }
    case "call":
      return call(asking, request);
    case "send":
      return send(asking, request);
    case "promise":
      return askPromise(asking, request.name);
    case "promisePeek":
      return peekPromise(asking, request.name);
    case "promiseComplete":
      return completePromise(asking, request);
    case "attach":
      return attach(asking, request.id);
    default:
      return askOther(asking, request);
  }
}

type ToOther = Extract<CommandRequest, { kind: "cancel" | "awakeableComplete" | "signalSend" }>;

/** Commands that tell another invocation something; what it does not know is dropped. */
function askOther(asking: Asking, request: ToOther): void {
  const { decision } = asking;
  const to = decision.leader.directory.locateId(request.id);
  switch (request.kind) {
    case "cancel":
      asking.log(request);
      if (to === undefined) cancelById(decision, request.id);
      else post(decision, to, { kind: "cancel", id: request.id });
      return;
    case "awakeableComplete": {
      const { kind, id, hash, result } = request;
      asking.log({ kind, id, hash });
      if (to === undefined) completeAwakeable(decision, id, result);
      else post(decision, to, { kind: "completeAwakeable", id, result });
      return;
    }
    case "signalSend": {
      const { kind, id, name, hash, result } = request;
      asking.log({ kind, id, name, hash });
      if (to === undefined) signalById(decision, id, name, result);
      else post(decision, to, { kind: "signal", id, name, result });
      return;
    }
    default:
      return unreachable(request);
  }
}

function readState(asking: Asking, request: { kind: "get"; name: string } | { kind: "stateKeys" }) {
  const { state } = asking.decision.tables.objectOf(asking.row);
  if (request.kind === "stateKeys") {
    return asking.log({ kind: "stateKeys", answer: [...state.keys()].sort() });
  }
  const answer: Payload | undefined = state.get(request.name);
  asking.log({ kind: "get", name: request.name, answer });
}

/** Refused past its bounds: a command like others, so that replay is refused likewise (R5). */
function setState(asking: Asking, request: Extract<CommandRequest, { kind: "set" }>): void {
  const { kind, name, value } = request;
  const { state, stateBytes } = asking.decision.tables.objectOf(asking.row);
  const before = state.get(name);
  const held = before === undefined ? 0 : payloadBytes(before) + name.length;
  const names = state.size + (before === undefined ? 1 : 0);
  const bytes = stateBytes - held + payloadBytes(value) + name.length;
  if (names <= stateNamesMax && bytes <= stateBytesMax) return asking.log(request);
  const data = { name, names, bytes, namesMax: stateNamesMax, bytesMax: stateBytesMax };
  const failure = failureOf(new HoldfastError("STATE_TOO_LARGE", { data }));
  asking.log({ kind, name, value: null, failure });
}

function call(asking: Asking, request: Extract<CommandRequest, { kind: "call" }>): void {
  const { decision, row, index } = asking;
  const { target } = request.call;
  const waiter = { n: row.n, of: index };
  const created = create(decision, { call: request.call, waiter, chain: chainOf(row) });
  if ("elsewhere" in created) {
    const { id } = created.elsewhere;
    const callee = calleeElsewhere(created.elsewhere);
    const open = { kind: "call", n: -1, id } as const;
    return asking.log({ kind: "call", target, hash: request.hash, callee }, open);
  }
  if ("error" in created) {
    asking.log({ kind: "call", target, hash: request.hash, callee: null }, { kind: "call", n: 0 });
    return asking.answer({ failure: failureOf(created.error) });
  }
  const { row: callee, attached } = created;
  const n = callee.n;
  asking.log(
    { kind: "call", target, hash: request.hash, callee: calleeOf(decision, callee) },
    { kind: "call", n },
  );
  if (callee.result !== null) asking.answer(callee.result);
  else if (attached) {
    decision.emit({ kind: "awaited", n, waiter });
    decision.learn({ kind: "waits", n: row.n });
  }
}

function send(asking: Asking, request: Extract<CommandRequest, { kind: "send" }>): void {
  const { decision } = asking;
  const { target } = request.call;
  const due = request.delay === undefined ? request.due : decision.time + request.delay;
  const created = create(decision, { call: request.call, due });
  if ("elsewhere" in created) {
    const callee = calleeElsewhere(created.elsewhere);
    return asking.log({ kind: "send", target, hash: request.hash, callee, due });
  }
  if ("error" in created) {
    const failure = failureOf(created.error);
    return asking.log({ kind: "send", target, hash: request.hash, callee: null, failure });
  }
  const callee = calleeOf(decision, created.row);
  asking.log({ kind: "send", target, hash: request.hash, callee, due });
}

function attach(asking: Asking, id: string): void {
  const { decision, row, index } = asking;
  const to = decision.leader.directory.locateId(id);
  if (to !== undefined) {
    asking.log({ kind: "attach", id }, { kind: "attach", n: -1, id });
    return post(decision, to, { kind: "attach", id, waiter: abroad(decision, row, index) });
  }
  const found = lookup(decision, id);
  if ("error" in found) {
    asking.log({ kind: "attach", id }, { kind: "attach", n: 0 });
    return asking.answer({ failure: failureOf(found.error) });
  }
  const { n, result } = found.row;
  asking.log({ kind: "attach", id }, { kind: "attach", n });
  const cycle = result === null ? inChain(found.row, chainOf(row)) : undefined;
  if (cycle !== undefined) return asking.answer({ failure: failureOf(cycle) });
  if (result !== null) return asking.answer(result);
  decision.emit({ kind: "awaited", n, waiter: { n: row.n, of: index } });
  // It may close a cycle that no chain shows and no inbox is part of (R12).
  decision.learn({ kind: "waits", n: row.n });
}
