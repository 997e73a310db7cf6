// How often a failed attempt or step is tried again, and how long an ended invocation is kept, as
// plain numbers. What users may write for them is read here; applying them is not ours.

import { durationMs } from "./duration.ts";

export interface RetryPolicy {
  /** Tries in all, the first included; Infinity for no bound. */
  readonly attemptsMax: number;
  /** No further try once this much time has passed since the first; Infinity for no bound. */
  readonly durationMsMax: number;
  /** Delay before the second try. With `factor` and `maxMs` this is a `Backoff`. */
  readonly firstMs: number;
  readonly factor: number;
  readonly maxMs: number;
  readonly onExhausted: "pause" | "fail";
}

/** For ever, a minute apart at most: code is mended and services come back. */
export const retryDefault: RetryPolicy = {
  attemptsMax: Number.POSITIVE_INFINITY,
  durationMsMax: Number.POSITIVE_INFINITY,
  firstMs: 50,
  factor: 2,
  maxMs: 60_000,
  onExhausted: "fail",
};

/** A policy as users write it; every part may be left out. */
export interface RetryInput {
  readonly attempts?: number | undefined;
  readonly duration?: unknown;
  readonly delay?: unknown;
  readonly factor?: number | undefined;
  readonly maxDelay?: unknown;
  readonly onExhausted?: "pause" | "fail" | undefined;
}

/**
 * The policy with what `retry` says, else what `base` says.
 *
 * @throws TypeError when a number makes no sense; HoldfastError `DURATION_INVALID`.
 */
export function retryPolicyOf(
  retry: RetryInput | undefined,
  base: RetryPolicy = retryDefault,
): RetryPolicy {
  if (retry === undefined) return base;
  const { attempts = base.attemptsMax, factor = base.factor } = retry;
  const { onExhausted = base.onExhausted } = retry;
  if (!(attempts >= 1) || (attempts !== Infinity && !Number.isInteger(attempts))) {
    throw new TypeError(`retry.attempts is ${attempts}; give a whole number from 1, or Infinity.`);
  }
  if (!(factor >= 1 && factor <= 1000)) {
    throw new TypeError(`retry.factor is ${factor}; give a number from 1 to 1000.`);
  }
  if (onExhausted !== "pause" && onExhausted !== "fail") {
    throw new TypeError(`retry.onExhausted is ${String(onExhausted)}; give "pause" or "fail".`);
  }
  const firstMs = given(retry.delay, base.firstMs);
  return {
    attemptsMax: attempts,
    durationMsMax: given(retry.duration, base.durationMsMax),
    firstMs,
    factor,
    // A first delay above the inherited cap means the cap was not thought of.
    maxMs: given(retry.maxDelay, Math.max(base.maxMs, firstMs)),
    onExhausted,
  };
}

/** What `retention: "all"` means in a row: kept until it is purged. */
export const retentionForEver = -1;

/** Milliseconds, or `retentionForEver`; undefined when nothing was said. */
export function retentionMs(retention: unknown): number | undefined {
  if (retention === undefined) return undefined;
  return retention === "all" ? retentionForEver : durationMs(retention);
}

function given(duration: unknown, otherwise: number): number {
  return duration === undefined ? otherwise : durationMs(duration);
}
