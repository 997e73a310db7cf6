// Promises of user code that were rejected while nobody looked: told when its attempt ends, and a
// little later, so that what the last lines look at is no news (R7).
import type { AttemptHost, RunningAttempt } from "./attempt-host.ts";

export class Rejections {
  #unseen: Map<object, unknown> | undefined;

  add(promise: object, error: unknown): void {
    this.#unseen ??= new Map();
    this.#unseen.set(promise, error);
  }

  handled(promise: object): void {
    this.#unseen?.delete(promise);
  }

  /** What is looked at within this turn is not told. */
  report(host: AttemptHost, attempt: RunningAttempt): void {
    const unseen = this.#unseen;
    if (unseen === undefined || unseen.size === 0) return;
    host.after(0, () => {
      for (const error of unseen.values()) {
        host.report(attempt, { kind: "unhandledRejection", error });
      }
    });
  }
}
