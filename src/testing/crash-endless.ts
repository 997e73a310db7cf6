// Scenarios that do not end: what a crash test says of them.
import { HoldfastError } from "../model/errors.ts";
import type { PastInvocation } from "./history.ts";

/** A run that has made this many commits does not end. */
export const commitsMax = 20_000;

export function stuck(unfinished: readonly PastInvocation[]): HoldfastError {
  const waiting = unfinished.map(({ service, key, handler }) => [service, key, handler]);
  const names = waiting.map((name) => name.filter((part) => part !== null).join("/"));
  return new HoldfastError("CRASH_TEST_FAILED", {
    message:
      "The scenario waits for an answer, and nothing is left that could bring it. " +
      `Not ended: ${names.join(", ") || "nothing"}. Does it settle what its handlers wait for?`,
    data: { unfinished: names },
  });
}

export function endless(): HoldfastError {
  return new HoldfastError("CRASH_TEST_FAILED", {
    message: `The scenario does not end: it has made ${commitsMax} commits.`,
  });
}
