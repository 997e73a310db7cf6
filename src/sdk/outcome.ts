// What an answer becomes for a handler, and what is thrown into one whose attempt is over.
import { errorOf, failureOf, HoldfastError, type TerminalError } from "../model/errors.ts";
import type { Payload } from "../model/payload.ts";
import type { Outcome } from "../replay/machine.ts";

/** Thrown into a handler whose attempt is over, so that it stops; never a result. */
export const stopSignal: Error = new HoldfastError("CONTEXT_CLOSED");

export function cancelledError(): TerminalError {
  return errorOf(failureOf(new HoldfastError("CANCELLED")));
}

/** The value of a result, or throws its failure as callers see it. */
export function valueOf(outcome: Outcome): Payload {
  if (outcome.kind !== "result") return null;
  if ("failure" in outcome.result) throw errorOf(outcome.result.failure);
  return outcome.result.value;
}
