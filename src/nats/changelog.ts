// The changelog of one partition in one stream. Appends are fenced by the stream's expected last
// sequence (I2); positions, epochs and the chain are our own, so that a hole, a rollback or another
// stream under the same name is seen and refused (I12). Who holds a stale epoch finds out by its
// next append: nothing else is a fence.
import { HoldfastError } from "../model/errors.ts";
import { batchBytesMax } from "../model/limits.ts";
import type { Batch, Changelog, ChangelogRange, StoredBatch } from "../ports/changelog.ts";
import { invariant } from "../std/assert.ts";
import { append } from "./append.ts";
import { Assembler, frameIn, type Origin, type PlacedBatch } from "./assembler.ts";
import { BatchIndex } from "./batch-index.ts";
import { chainAfter, cut, type Frame, lastOf, partBytesMax } from "./frame.ts";
import { halted } from "./halt.ts";
import type { JetStream } from "./jetstream.ts";
import { deadline } from "./link.ts";
import { changelogNames } from "./names.ts";
import { inspect, locate, type Opened, type Witness } from "./opening.ts";
import { leaderMessage, messagesOf } from "./reader.ts";

export interface NatsChangelogOptions {
  readonly jetstream: JetStream;
  /** Who may purge, where that is another user than who appends. */
  readonly janitor?: JetStream | undefined;
  readonly app: string;
  readonly partition: number;
  /** Of the stream, as the app's record has it. */
  readonly created: string;
  /** Who remembers how far it had come: it halts when it disagrees (R24). */
  readonly witnesses?: readonly Witness[] | undefined;
  /** How long closing waits for an append whose outcome is unknown. Default 5 s. */
  readonly closeMs?: number | undefined;
  /** Bytes of one message; for tests. */
  readonly partBytes?: number | undefined;
}

/** What a message takes in a stream beside its header and bytes, at least. */
const overheadBytes = 22;

export async function openNatsChangelog(options: NatsChangelogOptions): Promise<NatsChangelog> {
  const { app, partition, jetstream, created, witnesses = [] } = options;
  const origin = { stream: changelogNames(app, partition).stream, app, partition };
  const changelog = new NatsChangelog(options, await inspect(jetstream, origin, created));
  for (const witness of witnesses) await changelog.hear(witness);
  return changelog;
}

export class NatsChangelog implements Changelog {
  /** The fence is here and nowhere else: only an append tells. */
  readonly fence = "append";
  readonly #options: NatsChangelogOptions;
  readonly #origin: Origin;
  readonly #subject: string;
  readonly #index = new BatchIndex();
  readonly #nonce: string;
  #batches = 0;
  #first: number;
  /** Chain before the first position held. */
  #before: number;
  #last: number;
  #epoch: number;
  #chain: number;
  readonly #clean: boolean;
  /** Who has appended nothing has nothing to seal: the end is another's, who may still be writing. */
  #sealed = true;
  #bytes: number;
  /** Stream sequences: the oldest held, the last, and the first of the newest batch. */
  #oldest: number;
  #sequence: number;
  #tail: number;
  /** What was asked to be kept: a reader behind it is no witness of a hole. */
  #trimmed = 0;
  #failure: unknown;
  #appending: Promise<unknown> | undefined;
  #closed: Promise<void> | undefined;
  #givenUp: () => boolean = () => false;
  onFull: ((full: boolean) => void) | undefined;

  constructor(options: NatsChangelogOptions, { info, first, before, epoch, tail, clean }: Opened) {
    const { app, partition } = options;
    const { stream, subject } = changelogNames(app, partition);
    this.#options = options;
    this.#nonce = options.jetstream.world.name(6);
    this.#origin = { stream, app, partition };
    this.#subject = subject;
    this.#first = first;
    this.#before = before;
    this.#clean = clean;
    this.#last = tail === undefined ? first - 1 : lastOf(tail);
    this.#epoch = epoch;
    this.#chain = tail?.chain ?? before;
    this.#bytes = info.state.bytes;
    this.#oldest = Math.max(1, info.state.first_seq);
    this.#sequence = info.state.last_seq;
    this.#tail = tail?.sequence ?? this.#oldest;
    if (tail !== undefined) this.#known(tail);
  }

  get range(): ChangelogRange {
    return {
      first: this.#first,
      last: this.#last,
      epoch: this.#epoch,
      chain: this.#chain,
      clean: this.#clean,
    };
  }

  get bytes(): number {
    return this.#bytes;
  }

  async append(batch: Batch): Promise<number> {
    if (this.#closed !== undefined) throw new HoldfastError("CHANGELOG_CLOSED");
    if (this.#failure !== undefined) throw this.#failure;
    const { first, epoch, bytes } = batch;
    invariant(this.#appending === undefined, "one append at a time");
    invariant(first === this.#last + 1, () => `I2: append at ${first} after ${this.#last}`);
    invariant(epoch >= this.#epoch, () => `I2: epoch ${epoch} after ${this.#epoch}`);
    invariant(bytes.length <= batchBytesMax, () => `R18: a batch of ${bytes.length} bytes`);
    const appended = this.#append(batch);
    const settled = (): void => {
      this.#appending = undefined;
    };
    this.#appending = appended.then(settled, settled);
    return appended;
  }

  async *read(position: number): AsyncIterable<StoredBatch> {
    const [last, sequence] = [this.#last, this.#sequence];
    if (position > last || last < this.#first) return;
    let from = await this.#sequenceOf(Math.max(position, this.#first));
    const assembler = new Assembler(this.#origin);
    let next = 0;
    const { jetstream } = this.#options;
    for await (const message of messagesOf(jetstream, this.#origin.stream, from, sequence)) {
      from = message.sequence;
      const batch = assembler.take(message);
      if (batch === undefined) continue;
      this.#known(batch);
      next = batch.first + batch.count;
      const { first, count, epoch, bytes, chain } = batch;
      yield { first, count, epoch, bytes, chain };
    }
    if (next !== last + 1) throw halted(this.#origin.stream, "hole", { next, last });
  }

  chainAt(position: number): number | undefined {
    if (position === this.#first - 1) return this.#before;
    return this.#index.endingAt(position)?.chain;
  }

  /** Looks a position up that is not among the newest, so that `chainAt` knows it. */
  async learn(position: number): Promise<void> {
    if (position < this.#first || position > this.#last) return;
    if (this.chainAt(position) !== undefined) return;
    const { jetstream } = this.#options;
    const range = { from: this.#oldest, to: this.#sequence };
    const found = await locate(jetstream, this.#origin, position, range);
    if (found === undefined) throw halted(this.#origin.stream, "hole", { position });
    const { frame, sequence } = found;
    this.#index.add({ first: frame.first, position: lastOf(frame), sequence, chain: frame.chain });
  }

  /** @throws HoldfastError `PARTITION_HALTED` when it disagrees. */
  async hear({ of, position, chain }: Witness): Promise<void> {
    const { stream } = this.#origin;
    const data = { witness: of, position, chain, first: this.#first, last: this.#last };
    if (position > this.#last) throw halted(stream, "rolled-back", data);
    if (position < this.#first - 1) return;
    await this.learn(position);
    const known = this.chainAt(position);
    if (known !== chain) throw halted(stream, "diverged", { ...data, known });
  }

  /**
   * Reads all that is held, and checks it against itself: for what lies before a table's position,
   * which nobody would read otherwise.
   */
  async verify(): Promise<void> {
    for (let first = 0; first !== this.#first; ) {
      first = this.#first;
      try {
        for await (const _ of this.read(first)) if (this.#closed !== undefined) return;
      } catch (error) {
        if (this.#closed !== undefined) return;
        if (this.#trimmed <= this.#oldest && first === this.#first) throw error;
      }
    }
  }

  async trim(position: number): Promise<void> {
    if (position < this.#first || this.#last < this.#first) return;
    const { janitor, jetstream } = this.#options;
    // The newest batch stays: what the stream remembers of itself is there.
    const sequence = position < this.#last ? await this.#sequenceOf(position + 1) : this.#tail;
    if (sequence <= this.#oldest) return;
    const { stream } = this.#origin;
    this.#trimmed = sequence;
    await (janitor ?? jetstream).purge(stream, sequence);
    const frame = frameIn(this.#origin, await leaderMessage(jetstream, stream, sequence));
    this.#oldest = sequence;
    this.#first = frame.first;
    this.#before = frame.before;
    this.#index.forget(this.#first - 1);
    this.#bytes = (await jetstream.info(stream))?.state.bytes ?? this.#bytes;
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  async #close(): Promise<void> {
    const { jetstream, closeMs = 5000 } = this.#options;
    this.#givenUp = deadline(jetstream.world, closeMs);
    await this.#appending;
    const empty = this.#last < this.#first;
    if (this.#sealed || empty || this.#failure !== undefined) return;
    const seal = this.#frame("seal", { first: this.#last + 1, count: 0, epoch: this.#epoch });
    // Without a seal the next leader takes it for a crash, which is no harm.
    await this.#store({ ...seal, chain: this.#chain }, new Uint8Array(0)).catch(() => undefined);
  }

  async #append(batch: Batch): Promise<number> {
    const { first, count, epoch, bytes } = batch;
    const chain = chainAfter(this.#chain, batch);
    const parts = cut(bytes, this.#options.partBytes ?? partBytesMax);
    const frame = { ...this.#frame("batch", batch), parts: parts.length, chain };
    const sequence = this.#sequence + 1;
    try {
      for (const [at, part] of parts.entries()) await this.#store({ ...frame, part: at + 1 }, part);
    } catch (error) {
      // An operating failure is final; a broken invariant has stored nothing.
      this.#failure ??= error;
      throw error;
    }
    this.#last = first + count - 1;
    this.#epoch = epoch;
    this.#chain = chain;
    this.#tail = sequence;
    this.#sealed = false;
    this.#known({ first, count, epoch, bytes, chain, sequence, before: frame.before });
    return chain;
  }

  #frame(kind: Frame["kind"], place: Pick<Frame, "first" | "count" | "epoch">): Frame {
    const { app, partition } = this.#origin;
    const { first, count, epoch } = place;
    const nonce = this.#nonce + (++this.#batches).toString(16);
    const whole = { part: 1, parts: 1, before: this.#chain, chain: this.#chain };
    return { kind, app, partition, first, count, epoch, nonce, ...whole };
  }

  async #store(frame: Frame, body: Uint8Array): Promise<void> {
    const { jetstream, created } = this.#options;
    const options = {
      jetstream,
      created,
      stream: this.#origin.stream,
      subject: this.#subject,
      full: (full: boolean) => this.onFull?.(full),
      givenUp: () => this.#givenUp(),
    };
    await append(options, frame, body, this.#sequence);
    this.#sequence++;
    this.#bytes += body.length + overheadBytes;
  }

  #known({ first, count, sequence, chain }: PlacedBatch): void {
    this.#index.add({ first, position: first + count - 1, sequence, chain });
  }

  /** Of the first message of the batch that holds a position. */
  async #sequenceOf(position: number): Promise<number> {
    const known = this.#index.holding(position);
    if (known !== undefined) return known.sequence;
    const range = { from: this.#oldest, to: this.#sequence };
    const found = await locate(this.#options.jetstream, this.#origin, position, range);
    if (found === undefined) throw halted(this.#origin.stream, "hole", { position });
    return found.sequence;
  }
}
