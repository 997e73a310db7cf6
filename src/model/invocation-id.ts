// The id of an invocation in text, from what its row or a command's callee holds. Minted only when
// somebody asks: most invocations are never named outside.

import { utf8 } from "../std/bytes.ts";
import { partitionHash } from "../std/hash.ts";
import type { Callee, Target } from "./entry.ts";
import {
  derivedUuid,
  formatInvocationId,
  mintedUuid,
  parseInvocationId,
  positionOf,
} from "./ids.ts";
import type { InvocationNumber } from "./row.ts";
import { partitionKeyOf } from "./target.ts";

export interface Named {
  readonly n: InvocationNumber;
  readonly incarnation: string;
  readonly partitionKey: string;
  readonly derivedId: string | null;
}

/** What an id is minted from, apart from the row, which goes on changing. */
export function namedOf({ n, incarnation, partitionKey, derivedId }: Named): Named {
  return { n, incarnation, partitionKey, derivedId };
}

export function idOf(row: Named): string {
  if (row.derivedId !== null) return row.derivedId;
  return formatInvocationId(row.partitionKey, mintedUuid(row.n, row.incarnation));
}

/** The id of the invocation that answers a call or send to `key` of `service`. */
export function calleeId(service: string, key: string | null, callee: Callee): string {
  const { n, incarnation, derivedId = null } = callee;
  const partitionKey = key === null ? partitionHash(incarnation) : partitionKeyOf(service, key);
  return idOf({ n, incarnation, partitionKey, derivedId });
}

/** The id of the one run of a workflow key. */
export function runId(secret: string, { service, key }: Omit<Target, "handler">): string {
  const uuid = derivedUuid(utf8(secret), ["wf", service, key ?? ""]);
  return formatInvocationId(partitionKeyOf(service, key ?? ""), uuid);
}

/** The id of whatever an idempotency key names, for one handler of one key. */
export function idempotentId(secret: string, target: Target, idempotencyKey: string): string {
  const { service, key, handler } = target;
  const uuid = derivedUuid(utf8(secret), ["ik", service, key ?? "", handler, idempotencyKey]);
  const partitionKey = key === null ? partitionHash(idempotencyKey) : partitionKeyOf(service, key);
  return formatInvocationId(partitionKey, uuid);
}

/** The number an id carries; without meaning for derived ids, which a table leads to theirs. */
export function numberOfId(id: string): InvocationNumber {
  return positionOf(parseInvocationId(id).uuid);
}
