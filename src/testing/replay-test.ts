// replayTest: a journal that was exported, against today's code. What is kept beside a test is a
// promise to the invocations that were running then.

import { readText, sourceText } from "../journal/source-line.ts";
import { parseJournal, rowOf, type StoredJournal } from "../journal/stored-journal.ts";
import { HoldfastError } from "../model/errors.ts";
import { targetText } from "../replay/mismatch.ts";
import { replayHere } from "../replay-here.ts";
import type { Callable } from "../sdk/types.ts";

/** Why a replay failed, as data beside the message. */
export interface ReplayFailure {
  readonly code: string;
  readonly target: string;
  readonly id: string;
  readonly entry: number;
  readonly expected: string;
  readonly actual: string;
  readonly file: string | undefined;
  readonly line: number | undefined;
}

/**
 * Replays a journal that `holdfast export` or `TestEngine.journal` wrote against these services. No
 * step runs. It holds when the code asks what the journal says, as far as the journal goes.
 *
 * @throws HoldfastError `REPLAY_DIVERGED` with the entry and the line; `JOURNAL_FILE_INVALID`.
 * @example
 * test("invocations of last month go on", () => replayTest("test/order.journal.json", [orders]));
 */
export async function replayTest(
  journal: string | URL | StoredJournal,
  services: readonly Callable[],
): Promise<void> {
  const stored =
    typeof journal === "string" || journal instanceof URL
      ? parseJournal(readText(journal))
      : journal;
  const row = rowOf(stored);
  const { entries, redacted } = stored;
  const replayed = await replayHere({ row, entries, redacted }, services);
  const { divergence } = replayed;
  if (divergence === undefined) return;
  const { code, entry, expected, actual, line } = divergence;
  const target = targetText(row);
  const message = [
    `${target} (${stored.id}) does not replay: ${divergence.message}`,
    ...(line === undefined ? [] : [`  look at:  ${sourceText(line)}  ${line.text}`]),
    ...replayed.journal().map((text) => `  ${text}`),
    "Invocations that run when this is deployed would be paused. Keep what they have asked as it is, " +
      "or tell old from new with ctx.version.",
  ].join("\n");
  const { file, line: number } = line ?? {};
  const data: ReplayFailure = {
    ...{ code, target, id: stored.id, entry, expected, actual },
    file,
    line: number,
  };
  throw new HoldfastError("REPLAY_DIVERGED", { message, data });
}
