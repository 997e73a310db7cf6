// The id of an invocation in text, from what its row or a command's callee holds. Minted only when
// somebody asks: most invocations are never named outside.

import { utf8 } from "../std/bytes.ts";
import { partitionHash } from "../std/hash.ts";
import type { Callee, Target } from "./entry.ts";
import {
  derivedUuid,
  formatInvocationId,
  mintedUuid,
  noApp,
  parseInvocationId,
  positionOf,
  withTag,
} from "./ids.ts";
import { placeOf } from "./place.ts";
import type { Former, InvocationNumber } from "./row.ts";
import { partitionKeyOf } from "./target.ts";

export interface Named {
  readonly n: InvocationNumber;
  readonly incarnation: string;
  readonly partitionKey: string;
  readonly derivedId: string | null;
  readonly former?: Former | null;
}

/** What an id is minted from, apart from the row, which goes on changing. */
export function namedOf({ n, incarnation, partitionKey, derivedId, former }: Named): Named {
  return { n, incarnation, partitionKey, derivedId: former?.id ?? derivedId };
}

export function idOf(row: Named): string {
  if (row.former) return row.former.id;
  if (row.derivedId !== null) return row.derivedId;
  return formatInvocationId(row.partitionKey, mintedUuid(row.n, row.incarnation));
}

/** The number that its awakeables' ids carry. */
export function addressOf(row: Named): InvocationNumber {
  return row.former?.n ?? row.n;
}

/** The id of the invocation that answers a call or send to `key` of `service`. */
export function calleeId(service: string, key: string | null, callee: Callee): string {
  const { n, incarnation, derivedId = null } = callee;
  const partitionKey =
    callee.partitionKey ??
    (key === null ? partitionHash(incarnation) : partitionKeyOf(service, key));
  return idOf({ n, incarnation, partitionKey, derivedId });
}

/** What ids that follow from names are computed with: of a data directory, or of an app. */
export interface Home {
  readonly secret: string;
  /** The text of a place of the app; empty outside a cluster. */
  readonly place: string;
}

/** The id of the one run of a workflow key. */
export function runId(home: Home, { service, key }: Omit<Target, "handler">): string {
  const uuid = namedUuid(home, ["wf", service, key ?? ""]);
  return formatInvocationId(partitionKeyOf(service, key ?? ""), uuid);
}

/** The id of whatever an idempotency key names, for one handler of one key. */
export function idempotentId(home: Home, target: Target, idempotencyKey: string): string {
  const { service, key, handler } = target;
  const uuid = namedUuid(home, ["ik", service, key ?? "", handler, idempotencyKey]);
  const partitionKey = key === null ? partitionHash(idempotencyKey) : partitionKeyOf(service, key);
  return formatInvocationId(partitionKey, uuid);
}

/** An id says which app it is of; outside of clusters, that it is of none. */
function namedUuid({ secret, place }: Home, parts: readonly string[]): Uint8Array {
  const uuid = derivedUuid(utf8(secret), parts);
  return withTag(uuid, place === "" ? noApp : placeOf(place).app);
}

/** The number an id carries; without meaning for derived ids, which a table leads to theirs. */
export function numberOfId(id: string): InvocationNumber {
  return positionOf(parseInvocationId(id).uuid);
}
