// A stream that handlers are fed from, read message by message through its leader, by sequence: no
// consumer is made, nothing is acknowledged or changed. Partitions of one node that ask for the same
// message share the answer.
import type { Source, SourceMessage, SourceState } from "../ports/source.ts";
import type { JetStream } from "./jetstream.ts";

/** Answers kept for the other partitions of this node: they read in step, more or less. */
const keptMax = 512;

export class NatsSource implements Source {
  readonly #jetstream: JetStream;
  readonly #stream: string;
  readonly #subject: string;
  readonly #kept = new Map<number, Promise<SourceMessage | undefined>>();

  constructor(jetstream: JetStream, stream: string, subject: string | undefined) {
    this.#jetstream = jetstream;
    this.#stream = stream;
    this.#subject = subject ?? ">";
  }

  async state(): Promise<SourceState | undefined> {
    const info = await this.#jetstream.info(this.#stream);
    if (info === undefined) return undefined;
    const { first_seq, last_seq } = info.state;
    return { created: info.created, first: Math.max(first_seq, 1), last: last_seq };
  }

  next(sequence: number): Promise<SourceMessage | undefined> {
    const kept = this.#kept.get(sequence);
    if (kept !== undefined) return kept;
    const asked = this.#jetstream.message(this.#stream, {
      seq: sequence,
      next_by_subj: this.#subject,
    });
    this.#kept.set(sequence, asked);
    // Only what is there stays what it is.
    const drop = (): void => void this.#kept.delete(sequence);
    asked.then((message) => (message === undefined ? drop() : undefined), drop);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > keptMax && oldest !== undefined) this.#kept.delete(oldest);
    return asked;
  }

  forget(): void {
    this.#kept.clear();
  }
}
