// A clock whose callbacks may break a rule: what they throw ends the partition they belong to, not
// the process it runs in.
import type { Clock } from "../ports/clock.ts";

export function guardedClock(clock: Clock, failed: (error: unknown) => void): Clock {
  const guarded = (then: () => void) => (): void => {
    try {
      then();
    } catch (error) {
      failed(error);
    }
  };
  return {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    after: (ms, then) => clock.after(ms, guarded(then)),
    nextTurn: (then) => clock.nextTurn(guarded(then)),
  };
}
