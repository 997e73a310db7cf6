// What becomes of an invocation whose attempt has failed: tried again after a while, paused, or failed
// for good, as its policy says.
import { failureOf, HoldfastError, isHoldfastError } from "../model/errors.ts";
import type { Again } from "../model/proposal.ts";
import type { InvocationRow } from "../model/row.ts";
import type { Clock } from "../ports/clock.ts";
import type { Attempt } from "../sdk/attempt.ts";
import { exhausted, policyOf } from "../sdk/policy.ts";
import { backoffMs } from "../std/backoff.ts";

interface By {
  readonly clock: Clock;
  random(): number;
}

export function againOf(attempt: Pick<Attempt, "row" | "spec">, { clock, random }: By): Again {
  const { row, spec } = attempt;
  const policy = policyOf(spec.retry);
  const now = clock.now();
  const elapsed = row.failingSince === null ? 0 : now - row.failingSince;
  if (exhausted(policy, row.failures + 1, elapsed)) return { kind: policy.onExhausted };
  return { kind: "at", due: now + backoffMs(row.failures + 1, policy.backoff, random()) };
}

/** The failure of an invocation whose policy allows no further attempt. */
export function exhaustedFailure(row: InvocationRow, error: unknown): ReturnType<typeof failureOf> {
  const cause = failureOf(error);
  if (isHoldfastError(error)) return cause;
  const tries = row.failures + 1;
  const times = tries === 1 ? "once" : `${tries} times`;
  const message = `${row.service}/${row.handler} failed ${times}; the last time: ${cause.message}`;
  return failureOf(new HoldfastError("HANDLER_FAILED", { message, data: { tries } }));
}
