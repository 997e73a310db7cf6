// A message of a subscribed stream is taken: the record that holds what it caused also moves the
// subscription's position, so that it is taken once, whoever leads (I7). A message that is not for
// this partition, or cannot be handed over, moves the position alone. One that must wait (a full
// inbox, a handler that is not here) is refused and changes nothing.
import type { Proposal } from "../../model/proposal.ts";
import type { Decision } from "../decision.ts";
import { create } from "./create.ts";

export function consume(
  decision: Decision,
  { from, seq, call, parked, refused }: Extract<Proposal, { kind: "consume" }>,
): void {
  const { outbox } = decision.tables;
  if (seq <= outbox.from(from).accepted && outbox.knows(from)) return;
  if (call !== undefined) {
    const created = create(decision, { call, door: true });
    if ("error" in created) return decision.refuse(refused, created.error);
  }
  decision.emit({ kind: "consumed", from, seq, ...(parked === true ? { parked } : {}) });
}
