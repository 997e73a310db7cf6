// Durations as users give them, with our bound and our error. How they are read: std/duration.ts.
// Not for due times: a duration becomes one where the leader stamps a proposal.

import { DurationError, parseDuration } from "../std/duration.ts";
import { HoldfastError } from "./errors.ts";
import { durationDaysMax } from "./limits.ts";

const msMax = durationDaysMax * 86_400_000;

/**
 * Whole milliseconds, from 0 to 365 days.
 *
 * @throws HoldfastError `DURATION_INVALID`, terminal.
 */
export function durationMs(input: unknown): number {
  if (typeof input !== "string") return parsed(input);
  let ms = known.get(input);
  if (ms === undefined) {
    ms = parsed(input);
    if (known.size < knownMax) known.set(input, ms);
  }
  return ms;
}

/** Texts read before: programs name the same few durations again and again. */
const known = new Map<string, number>();
const knownMax = 256;

function parsed(input: unknown): number {
  try {
    return parseDuration(input, msMax);
  } catch (error) {
    if (!(error instanceof DurationError)) throw error;
    throw new HoldfastError("DURATION_INVALID", { message: error.message, cause: error });
  }
}

/** How long a result is kept, as rows have it: milliseconds, -1 for ever ("all"). */
export function retentionMs(retention: unknown): number {
  return retention === "all" ? -1 : durationMs(retention);
}
