// The errors of a replay that went another way than the journal: which entry, what was expected,
// what came, and what to do. The invocation is paused, never failed or repeated.
import type { CommandEntry } from "../model/entry.ts";
import { HoldfastError } from "../model/errors.ts";
import { idOf } from "../model/invocation-id.ts";
import { wordsOf } from "../replay/mismatch.ts";
import type { RunningAttempt } from "./attempt-host.ts";

type Met =
  | { readonly index: number; readonly expected: string; readonly actual: string }
  | { readonly entry: CommandEntry; readonly actual: string };

export function mismatchError(attempt: RunningAttempt, met: Met): HoldfastError {
  const index = "entry" in met ? met.entry.index : met.index;
  const expected = "entry" in met ? wordsOf(met.entry.command) : met.expected;
  const id = idOf(attempt.row);
  return new HoldfastError("JOURNAL_MISMATCH", {
    message:
      `Replay of ${attempt.target} (${id}) came to ${met.actual} at command ${index}; its journal ` +
      `holds ${expected} there. The code changed or is not deterministic. The invocation is ` +
      "paused and nothing is lost: deploy code that matches its journal, then resume it.",
    data: { id, target: attempt.target, index, expected, actual: met.actual },
  });
}

/** The journal holds an answer to a command that the code did not ask. */
export function blockedError(
  attempt: RunningAttempt,
  entry: CommandEntry | undefined,
): HoldfastError {
  const actual = "a wait for something that is not in the journal";
  if (entry !== undefined) return mismatchError(attempt, { entry, actual });
  const expected = "an answer to a later command";
  return mismatchError(attempt, { index: attempt.machine.asked, expected, actual });
}
