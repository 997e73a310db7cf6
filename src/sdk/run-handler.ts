// Calls a handler: with the context of its mode, attributed to its attempt, and whatever it does
// answered by a promise.
import type { RunningAttempt } from "./attempt-host.ts";
import { createContext } from "./keyed-context.ts";

type UserFunction = (context: never, input: never) => Promise<unknown>;

export function runHandler(attempt: RunningAttempt, input: unknown): Promise<unknown> {
  const context = createContext(attempt);
  return attempt.host.attribute(attempt, false, () => {
    try {
      return Promise.resolve((attempt.spec.fn as UserFunction)(context as never, input as never));
    } catch (error) {
      return Promise.reject(error);
    }
  });
}
