// Messages from other partitions. Each is accepted exactly once: the record that holds what it
// caused also moves the producer's line, and a number that is not the next one changes nothing
// (I7, R23). A delivery is never refused: what cannot be done is answered to whoever waits (R13).
import { failureOf, HoldfastError } from "../../model/errors.ts";
import type { Message, RemoteWaiter } from "../../model/message.ts";
import { unrouted } from "../../model/message.ts";
import type { Proposal } from "../../model/proposal.ts";
import { unreachable } from "../../std/assert.ts";
import type { Decision } from "../decision.ts";
import { create, inChain } from "./create.ts";
import { complete } from "./notify.ts";
import { kill } from "./operate.ts";
import { chainHome, elsewhere, post } from "./post.ts";
import { cancelById, completeAwakeable, lookup, signalById } from "./signal.ts";

type Of<K extends Proposal["kind"]> = Extract<Proposal, { kind: K }>;

export function deliver(decision: Decision, { from, seq, message }: Of<"deliver">): void {
  const { accepted } = decision.tables.outbox.from(from);
  if (seq !== accepted + 1) return;
  decision.emit({ kind: "delivered", from, seq });
  take(decision, message);
}

function take(decision: Decision, message: Message): void {
  switch (message.kind) {
    case "invoke":
      return invoke(decision, message);
    case "attach":
      return attach(decision, message.id, message.waiter);
    case "completed":
      return completed(decision, message);
    case "cancel":
      return void cancelById(decision, message.id);
    case "kill": {
      const found = lookup(decision, message.id);
      return "row" in found ? kill(decision, found.row, false) : undefined;
    }
    case "signal":
      return void signalById(decision, message.id, message.name, message.result);
    case "completeAwakeable":
      return void completeAwakeable(decision, message.id, message.result);
    default:
      return unreachable(message);
  }
}

type Invoke = Extract<Message, { kind: "invoke" }>;

function invoke(decision: Decision, { id, call, due, chain, waiter }: Invoke): void {
  const arrived = chain === undefined ? undefined : chainHome(decision, chain);
  const created = create(decision, { call, due, waiter, chain: arrived, id });
  if ("elsewhere" in created) return;
  if ("error" in created) {
    if (waiter !== undefined) complete(decision, waiter, { failure: failureOf(created.error) });
    return;
  }
  const { row, attached } = created;
  if (!attached || waiter === undefined) return;
  if (row.result !== null) complete(decision, waiter, row.result);
  else decision.emit({ kind: "awaited", n: row.n, waiter });
}

function attach(decision: Decision, id: string, waiter: RemoteWaiter): void {
  const found = lookup(decision, id);
  if ("error" in found) return void complete(decision, waiter, { failure: failureOf(found.error) });
  const { row } = found;
  const cycle = row.result === null ? inChain(row, [{ ...waiter, holds: null }]) : undefined;
  if (cycle !== undefined) return void complete(decision, waiter, { failure: failureOf(cycle) });
  if (row.result !== null) return void complete(decision, waiter, row.result);
  decision.emit({ kind: "awaited", n: row.n, waiter });
}

function completed(decision: Decision, message: Extract<Message, { kind: "completed" }>): void {
  const { n, of, incarnation, result } = message;
  // An answer to another life is dropped (R1).
  if (decision.tables.invocation(n)?.incarnation !== incarnation) return;
  complete(decision, { n, of }, result);
}

export function accepted(decision: Decision, { to, seq }: Of<"accepted">): void {
  const line = decision.tables.outbox.to(to);
  if (seq <= line.accepted) return;
  if (seq > line.sent) {
    throw new HoldfastError("DELIVERY_GAP", { data: { to, accepted: seq, sent: line.sent } });
  }
  decision.emit({ kind: "accepted", to, seq });
}

/** Messages that get a destination in one decision: their copies are in its record (R18). */
const routedMax = 16;

/** What waits for a service gets its destination, now that the service's home is known (R27). */
export function route(decision: Decision, { service }: Of<"route">): void {
  const from = unrouted(service);
  const { outbox } = decision.tables;
  const rows = outbox.read(from, outbox.to(from).accepted, routedMax);
  for (const { seq, message } of rows) {
    if (message.kind !== "invoke") continue;
    if (!decision.carry({ value: message.call.input })) return;
    const found = elsewhere(decision, message.call);
    if (found?.to === from) return;
    if (found === undefined && decision.leader.directory.handler(service, "") === "no-service") {
      return;
    }
    decision.emit({ kind: "accepted", to: from, seq });
    // Its home is here, and so is the code by now. A decision makes one invocation at most.
    if (found === undefined) return invoke(decision, message);
    post(decision, found.to, message);
  }
}
