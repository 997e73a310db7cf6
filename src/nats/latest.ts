// The latest value of each of many subjects of one stream, changed by compare-and-set: what leases
// and marks are kept in. Values are read through the stream's leader.
import { textOfUtf8, utf8 } from "../std/bytes.ts";
import type { JetStream, StoredMessage } from "./jetstream.ts";
import type { StreamNames } from "./names.ts";
import { unavailable } from "./outcome.ts";

export interface Value {
  readonly sequence: number;
  /** What was put; never looked at by us. */
  readonly json: unknown;
}

export type Put = "put" | "stale" | "unknown";

export class Latest {
  readonly #jetstream: JetStream;
  readonly #names: StreamNames;

  constructor(jetstream: JetStream, names: StreamNames) {
    this.#jetstream = jetstream;
    this.#names = names;
  }

  async get(subject: string): Promise<Value | undefined> {
    const by = { last_by_subj: subject };
    const message = await this.#jetstream.message(this.#names.stream, by);
    return message === undefined ? undefined : valueOf(message);
  }

  /** Puts a value where the latest one still is that with this sequence; 0: where there is none. */
  async put(subject: string, json: unknown, after: number): Promise<Put> {
    const body = utf8(JSON.stringify(json));
    const ack = await this.#jetstream.publish(subject, body, {
      "Nats-Expected-Stream": this.#names.stream,
      "Nats-Expected-Last-Subject-Sequence": String(after),
    });
    if (ack.kind === "ack") {
      return ack.stream === this.#names.stream && !ack.dup ? "put" : "unknown";
    }
    return ack.kind === "refusal" && ack.refusal.status === 400 ? "stale" : "unknown";
  }

  /** All subjects that have a value, below this stream's own. */
  async all(): Promise<ReadonlyMap<string, unknown>> {
    const { stream, subject } = this.#names;
    const info = await this.#jetstream.info(stream, { subjects_filter: `${subject}.>` });
    const subjects = Object.keys(info?.state.subjects ?? {});
    const values = await Promise.all(subjects.map((each) => this.get(each)));
    const found = new Map<string, unknown>();
    for (const [at, each] of subjects.entries()) {
      const value = values[at];
      if (value !== undefined) found.set(each.slice(subject.length + 1), value.json);
    }
    return found;
  }

  /**
   * Changes a value until it is known to be changed: `change` says what to put, or nothing when
   * what is there is good.
   *
   * @throws HoldfastError `NATS_UNAVAILABLE` when that is not known in time.
   */
  async change(subject: string, change: (value: unknown) => unknown): Promise<void> {
    const over = this.#jetstream.patience();
    for (;;) {
      const value = await this.get(subject);
      const next = change(value?.json);
      if (next === undefined) return;
      // Read again even then: before 2.9.21, of several who change it at once more than one is told
      // that it has.
      if ((await this.put(subject, next, value?.sequence ?? 0)) === "put") continue;
      if (over()) throw unavailable(`${subject} cannot be changed.`);
      await this.#jetstream.pause(20);
    }
  }
}

function valueOf({ sequence, data }: StoredMessage): Value {
  try {
    return { sequence, json: JSON.parse(textOfUtf8(data)) };
  } catch {
    // Nobody of us wrote it.
    return { sequence, json: undefined };
  }
}
