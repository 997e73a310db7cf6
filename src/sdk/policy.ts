// Retry policies as numbers: what a handler, a service or a step says, over what holds by default.
// By default a failure is tried again for ever, at most a minute apart.
import { durationMs } from "../model/duration.ts";
import type { Backoff } from "../std/backoff.ts";
import type { Retry } from "./types.ts";

export interface Policy {
  readonly backoff: Backoff;
  /** Tries in all; Infinity by default. */
  readonly attempts: number;
  /** Milliseconds from the first failure; Infinity by default. */
  readonly durationMs: number;
  readonly onExhausted: "pause" | "fail";
}

const defaults: Policy = {
  backoff: { firstMs: 100, factor: 2, maxMs: 60_000 },
  attempts: Number.POSITIVE_INFINITY,
  durationMs: Number.POSITIVE_INFINITY,
  onExhausted: "fail",
};

const stepPolicies = new WeakMap<Retry, Policy>();

/** What holds for the steps of a handler with this policy: a step that is out of tries fails. */
export function stepPolicyOf(retry: Retry | undefined): Policy {
  if (retry === undefined) return defaults;
  let policy = stepPolicies.get(retry);
  if (policy === undefined) {
    policy = policyOf({ ...retry, onExhausted: "fail" });
    stepPolicies.set(retry, policy);
  }
  return policy;
}

/** The policy of `retry`, and of `outer` where it says nothing. */
export function policyOf(retry: Retry | undefined, outer: Policy = defaults): Policy {
  if (retry === undefined) return outer;
  return {
    backoff: {
      firstMs: retry.delay === undefined ? outer.backoff.firstMs : durationMs(retry.delay),
      factor: retry.factor ?? outer.backoff.factor,
      maxMs: retry.maxDelay === undefined ? outer.backoff.maxMs : durationMs(retry.maxDelay),
    },
    attempts: retry.attempts ?? outer.attempts,
    durationMs: retry.duration === undefined ? outer.durationMs : durationMs(retry.duration),
    onExhausted: retry.onExhausted ?? outer.onExhausted,
  };
}

export function exhausted(policy: Policy, tries: number, elapsedMs: number): boolean {
  return tries >= policy.attempts || elapsedMs >= policy.durationMs;
}
