// Posts messages to other partitions: numbers them on the line to their destination and keeps them
// in the outbox, with the decision that caused them. They leave once that is durable (I1).
import { explicitId } from "../../model/ids.ts";
import type { CallRequest, Message, RemoteWaiter } from "../../model/message.ts";
import type { ChainLink, InvocationRow } from "../../model/row.ts";
import { namedKeyOf } from "../../model/target.ts";
import { partitionHash } from "../../std/hash.ts";
import type { Decision } from "../decision.ts";

export function post(decision: Decision, to: string, message: Message): void {
  const seq = decision.tables.outbox.to(to).sent + 1;
  decision.emit({ kind: "posted", to, seq, message });
  decision.release({ kind: "posted", to, seq });
}

/** Where in another partition a call is to go, and the id it will have there. */
export interface Elsewhere {
  readonly to: string;
  readonly id: string;
}

/** Undefined for a call that is decided here. */
export function elsewhere(decision: Decision, call: CallRequest): Elsewhere | undefined {
  const { directory } = decision.leader;
  const { target, idempotencyKey } = call;
  if (!directory.cluster) return undefined;
  const named = target.key ?? idempotencyKey;
  if (named === undefined && directory.handler(target.service, target.handler) !== "no-service") {
    return undefined;
  }
  const name = decision.leader.mint();
  const partitionKey = namedKeyOf(target, idempotencyKey) ?? partitionHash(name);
  const located = directory.locate(target.service, partitionKey);
  if (located === undefined) return undefined;
  return { to: located.to, id: explicitId(partitionKey, name, located.app) };
}

/** A waiter of this partition, as others are to name it. */
export function abroad(decision: Decision, row: InvocationRow, of: number): RemoteWaiter {
  return { n: row.n, of, at: decision.tables.meta.place, incarnation: row.incarnation };
}

/** A chain as it leaves: the links of this partition say where they are. */
export function chainAbroad(decision: Decision, chain: readonly ChainLink[]): ChainLink[] {
  const at = decision.tables.meta.place;
  return chain.map((link) => (link.at === undefined ? { ...link, at } : link));
}

/** The same as it arrives: links that come home no longer say so. */
export function chainHome(decision: Decision, chain: readonly ChainLink[]): ChainLink[] {
  const { place } = decision.tables.meta;
  return chain.map(({ n, holds, at }) => (at === place ? { n, holds } : { n, holds, at }));
}
