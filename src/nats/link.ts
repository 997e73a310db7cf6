// One link to NATS as this room needs it, and the few other things of the world beside it: spans of
// time and names. The client of NATS stands behind it (client.ts); simulation puts its own here.
import type { Clock } from "../ports/clock.ts";
import type { AskOptions, Incoming } from "./outcome.ts";

export interface LinkWatcher {
  /** What was under way may have reached somebody, or nobody. */
  lost(): void;
  /** It is there again, with all its subscriptions. */
  back(): void;
  /** The server forbids to publish here. */
  refused(subject: string, why: string): void;
  /** It has ended, and will not be there again. */
  ended(error: Error | undefined): void;
}

export interface SendOptions {
  /** Where answers go. */
  readonly reply?: string | undefined;
  readonly headers?: AskOptions["headers"];
}

export interface Link {
  /** Of the server connected to now, or last. */
  readonly version: string;
  /** Bytes one message may have, headers included. */
  readonly messageBytesMax: number;
  /** Told what becomes of it, from now on. */
  watch(watcher: LinkWatcher): void;
  publish(subject: string, body: Uint8Array, options: SendOptions): void;
  subscribe(subject: string, told: (message: Incoming) => void): { stop(): void };
  /** Resolves when all that was sent before has reached the server. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

export interface LinkWorld {
  readonly clock: Pick<Clock, "monotonic" | "after">;
  /** A name that nobody else has, of so many random bytes, in hex. */
  name(bytes: number): string;
}

/** The moment so many milliseconds from now, as something to ask whether it has passed. */
export function deadline({ clock }: LinkWorld, ms: number): () => boolean {
  const until = clock.monotonic() + ms;
  return () => clock.monotonic() > until;
}
