// A stream of somebody else's messages that handlers are fed from. It is only read: how far it was
// read is kept by whoever reads, in its own changelog.
import type { SourceMessage } from "../model/subscription.ts";

export type { SourceMessage } from "../model/subscription.ts";

export interface SourceState {
  /** Names this life of the stream: one made anew under its name has another. */
  readonly created: string;
  /** Sequence of the oldest message held, and of the newest there ever was. */
  readonly first: number;
  readonly last: number;
}

export interface Source {
  /** Undefined where there is no such stream. */
  state(): Promise<SourceState | undefined>;
  /** The first message from `sequence` on that the subscription wants; undefined: none so far. */
  next(sequence: number): Promise<SourceMessage | undefined>;
  /** What was read may not be there any more: it is read again. */
  forget(): void;
}
