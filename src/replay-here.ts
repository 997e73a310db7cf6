// Replays journals in this process, and shows them beside the code: for tests, the command line and
// engines in development. Wiring only.
import { platform } from "#platform";
import { type Asked, instrumented } from "./journal/instrument.ts";
import { journalLines } from "./journal/journal-lines.ts";
import { type Replayable, type Replayed, replay } from "./journal/replayer.ts";
import type { Owner } from "./platform.ts";
import type { Callable } from "./sdk/types.ts";

export interface ReplayedHere extends Replayed {
  /** The journal beside the lines of code that asked, the place where they part marked. */
  readonly journal: () => readonly string[];
}

/** Runs a handler against its journal, without steps, engine or storage. */
export async function replayHere(
  journal: Replayable,
  services: readonly Callable[],
): Promise<ReplayedHere> {
  const asked: Asked[] = [];
  const watched = services.map((service) =>
    instrumented(service, () => ({
      asked: (one) => {
        asked[one.index] ??= one;
      },
      body: () => undefined,
      ended: () => {},
    })),
  );
  const unwatch = platform.watchRejections();
  try {
    const replayed = await replay(journal, watched, {
      nextTurn: (then) => platform.clock.nextTurn(then),
      attribute: (owner, code) => platform.context.run(owner as Owner, code),
    });
    const lineOf = (index: number) => asked[index]?.at.line;
    const parted = replayed.divergence;
    // Where no line of the user's was running, the last one that asked something is the nearest.
    const divergence = parted && { ...parted, line: parted.line ?? asked.at(-1)?.at.line };
    const lines = (): string[] => [...journalLines(journal.entries, lineOf, parted?.entry)];
    return { ...replayed, divergence, journal: lines };
  } finally {
    unwatch();
  }
}
