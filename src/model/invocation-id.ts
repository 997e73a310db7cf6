// The id of an invocation in text, from what its row or a command's callee holds. Minted only when
// somebody asks: most invocations are never named outside.

import { partitionHash } from "../std/hash.ts";
import type { Callee } from "./entry.ts";
import { formatInvocationId, mintedUuid, parseInvocationId, positionOf } from "./ids.ts";
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

/** The number an id carries; without meaning for derived ids, which a table leads to theirs. */
export function numberOfId(id: string): InvocationNumber {
  return positionOf(parseInvocationId(id).uuid);
}
