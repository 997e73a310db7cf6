// The floor below the cart over NATS: as many bytes per cart in two group commits one after the
// other, by as many at a time, to as many streams with the same fence and header. No engine: nothing
// is decided, encoded, folded or remembered.
import type { JetStream } from "../src/nats/jetstream.ts";
import { changelogNames } from "../src/nats/names.ts";
import { changelogConfig, created } from "../src/nats/provision.ts";

const app = "bare";

/** One stream: what is committed during one append is the next message. */
export class BareGroup {
  readonly #jetstream: JetStream;
  readonly #names: ReturnType<typeof changelogNames>;
  #sequence = 0;
  #bytes = 0;
  #waiting: (() => void)[] = [];
  #running = false;

  private constructor(jetstream: JetStream, partition: number) {
    this.#jetstream = jetstream;
    this.#names = changelogNames(app, partition);
  }

  static async open(jetstream: JetStream, partition: number, replicas: number): Promise<BareGroup> {
    await created(jetstream, changelogConfig(app, partition, { replicas }));
    return new BareGroup(jetstream, partition);
  }

  /** Resolves when so many bytes more are stored. */
  commit(bytes: number): Promise<void> {
    this.#bytes += bytes;
    if (!this.#running) void this.#run();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#bytes > 0) {
      // What others have to say in this turn of the loop comes along.
      await new Promise((resolve) => setImmediate(resolve));
      const [bytes, waiting] = [this.#bytes, this.#waiting];
      this.#bytes = 0;
      this.#waiting = [];
      await this.append(bytes);
      for (const then of waiting) then();
    }
    this.#running = false;
  }

  async append(bytes: number): Promise<void> {
    const { stream, subject } = this.#names;
    const ack = await this.#jetstream.publish(subject, new Uint8Array(bytes), {
      Holdfast: "1 batch bare 0 1234567 12 1 0123456789abcdef 1 1 0123456789ab 0123456789ab",
      "Nats-Expected-Stream": stream,
      "Nats-Expected-Last-Sequence": String(this.#sequence),
    });
    if (ack.kind !== "ack") throw new Error(`a bare append failed: ${JSON.stringify(ack)}`);
    this.#sequence = ack.seq;
  }
}
