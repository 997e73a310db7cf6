// What reaches an invocation from others by id: signals, completed awakeables, cancellation. The
// same rules serve the outside (with an answer) and other handlers (without).

import { failureOf, HoldfastError } from "../../model/errors.ts";
import {
  type AwakeableAddress,
  formatInvocationId,
  mintedUuid,
  parseAwakeableId,
} from "../../model/ids.ts";
import { idOf, numberOfId } from "../../model/invocation-id.ts";
import { signalsBufferedMax } from "../../model/limits.ts";
import type { Result } from "../../model/payload.ts";
import type { InvocationRow } from "../../model/row.ts";
import type { Decision } from "../decision.ts";
import { finish } from "./finish.ts";
import { complete, notify } from "./notify.ts";

type Found = { readonly row: InvocationRow } | { readonly error: HoldfastError };

/** Finds an invocation by its id in text. */
export function lookup(decision: Decision, id: string): Found {
  const { tables, time } = decision;
  let minted: number;
  try {
    minted = numberOfId(id);
  } catch (error) {
    return { error: error as HoldfastError };
  }
  // A derived id leads to the newest life of its name, or is another partition's name for one.
  const derived = tables.derived.get(id);
  const row = tables.current(derived?.n ?? minted, time);
  if (row !== undefined && (derived !== undefined || idOf(row) === id)) return { row };
  return { error: new HoldfastError("INVOCATION_NOT_FOUND", { data: { id } }) };
}

/** Undefined when it was taken, or the reason why not. */
export function signalById(
  decision: Decision,
  id: string,
  name: string,
  result: Result,
): HoldfastError | undefined {
  const found = lookup(decision, id);
  if ("error" in found) return found.error;
  const { row } = found;
  if (row.status === "completed")
    return new HoldfastError("INVOCATION_NOT_FOUND", { data: { id } });
  const buffered = row.buffered.get(name) ?? 0;
  if (buffered >= signalsBufferedMax) {
    return new HoldfastError("INBOX_FULL", {
      data: { id, signal: name, limit: signalsBufferedMax },
    });
  }
  notify(decision, row.n, { kind: "signalled", name, result, at: decision.time });
  return undefined;
}

/** Completing an awakeable a second time changes nothing and is no error: requests are repeated. */
export function completeAwakeable(
  decision: Decision,
  id: string,
  result: Result,
): HoldfastError | undefined {
  let parsed: ReturnType<typeof parseAwakeableId>;
  try {
    parsed = parseAwakeableId(id);
  } catch (error) {
    return error as HoldfastError;
  }
  const row = waiting(decision, parsed);
  const known = row?.incarnation === parsed.incarnation && parsed.index < row.commands;
  if (row === undefined || !known) {
    return new HoldfastError("AWAKEABLE_NOT_FOUND", { data: { id } });
  }
  if (row.open.get(parsed.index)?.kind !== "awakeable") return undefined;
  complete(decision, { n: row.n, of: parsed.index }, result);
  return undefined;
}

/** Where its id says; or, moved since, where the id that it had there leads. */
function waiting(decision: Decision, address: AwakeableAddress): InvocationRow | undefined {
  const { partitionKey, position, incarnation } = address;
  const row = decision.tables.invocation(position);
  if (row?.incarnation === incarnation) return row;
  const id = formatInvocationId(partitionKey, mintedUuid(position, incarnation));
  const moved = decision.tables.derived.get(id);
  return moved && decision.tables.invocation(moved.n);
}

export function cancelById(decision: Decision, id: string): HoldfastError | undefined {
  const found = lookup(decision, id);
  if ("error" in found) return found.error;
  cancel(decision, found.row);
  return undefined;
}

/**
 * The first cancellation is journaled, later ones change nothing (R9). What never began has nothing
 * to compensate and ends at once.
 */
export function cancel(decision: Decision, row: InvocationRow): void {
  if (row.status === "completed" || row.cancelled) return;
  if (row.attempt === 0) {
    const error = new HoldfastError("CANCELLED", { data: { id: idOf(row) } });
    return finish(decision, row, { failure: failureOf(error) });
  }
  notify(decision, row.n, { kind: "cancelled", at: decision.time });
}
