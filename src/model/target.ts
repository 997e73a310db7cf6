// A target as text, and which partition key it has. Keys alone decide, not services, so that objects of one key lie
// together whatever their service. The hash must never change: ids and rows carry it.
import { partitionHash } from "../std/hash.ts";
import type { Target } from "./entry.ts";

/** The handler that a waiting edit of state is shown as. No user's name begins like it. */
export const editHandler = "_edit";

/** The handler that a request is kept as which must not be done twice, for a while (R26). */
export const requestHandler = "_request";

/** 16 hexadecimal digits for the rows of one key. */
export function partitionKeyOf(_service: string, key: string): string {
  return partitionHash(key);
}

/**
 * The partition key that a call's names give it: its key's, or its idempotency key's; undefined for
 * one that any partition may take. Whoever routes a call and whoever computes its id must agree.
 */
export function namedKeyOf(
  { service, key }: Pick<Target, "service" | "key">,
  idempotencyKey: string | undefined,
): string | undefined {
  if (key !== null) return partitionKeyOf(service, key);
  return idempotencyKey === undefined ? undefined : partitionHash(idempotencyKey);
}

/** Such as `Cart/user-1/addTicket`. */
export function targetText({ service, key, handler }: Target): string {
  return key === null ? `${service}/${handler}` : `${service}/${key}/${handler}`;
}
