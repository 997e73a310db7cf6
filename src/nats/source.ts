// A stream that handlers are fed from, read message by message through its leader, by sequence: no
// consumer is made, nothing is acknowledged or changed. Partitions of one node that ask for the same
// message share the answer.
import type { Source, SourceMessage, SourceState } from "../ports/source.ts";
import type { JetStream } from "./jetstream.ts";

/** Answers kept for the other partitions of this node: they read in step, more or less. */
const keptMax = 512;

/** How long an answer that may change is news for the other partitions. */
const newsMs = 200;

interface Kept {
  readonly at: number;
  found: boolean;
  readonly answer: Promise<SourceMessage | undefined>;
}

export class NatsSource implements Source {
  readonly #jetstream: JetStream;
  readonly #stream: string;
  readonly #subject: string;
  readonly #kept = new Map<number, Kept>();
  #state: { readonly at: number; readonly answer: Promise<SourceState | undefined> } | undefined;

  constructor(jetstream: JetStream, stream: string, subject: string | undefined) {
    this.#jetstream = jetstream;
    this.#stream = stream;
    this.#subject = subject ?? ">";
  }

  state(): Promise<SourceState | undefined> {
    const held = this.#state;
    if (held !== undefined && this.#now - held.at < newsMs) return held.answer;
    const answer = this.#ask();
    this.#state = { at: this.#now, answer };
    return answer;
  }

  async #ask(): Promise<SourceState | undefined> {
    const info = await this.#jetstream.info(this.#stream);
    if (info === undefined) return undefined;
    const { first_seq, last_seq } = info.state;
    return { created: info.created, first: Math.max(first_seq, 1), last: last_seq };
  }

  get #now(): number {
    return this.#jetstream.world.clock.monotonic();
  }

  next(sequence: number): Promise<SourceMessage | undefined> {
    const kept = this.#kept.get(sequence);
    // What is there stays what it is; that there is none is believed for a moment.
    if (kept !== undefined && (kept.found || this.#now - kept.at < newsMs)) return kept.answer;
    const answer = this.#jetstream.message(this.#stream, {
      seq: sequence,
      next_by_subj: this.#subject,
    });
    const asked: Kept = { at: this.#now, found: false, answer };
    this.#kept.delete(sequence);
    this.#kept.set(sequence, asked);
    answer.then(
      (message) => {
        asked.found = message !== undefined;
      },
      () => void this.#kept.delete(sequence),
    );
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > keptMax && oldest !== undefined) this.#kept.delete(oldest);
    return answer;
  }

  forget(): void {
    this.#kept.clear();
    this.#state = undefined;
  }
}
