// Messages in order → batches. Each must follow the one before: dense positions, epochs that never
// go back, and a chain that adds up. A batch in several messages exists when its last one is stored;
// one that was never finished is void, and only a newer leader may have written behind it (R18).
import type { StoredBatch } from "../ports/changelog.ts";
import { concatBytes } from "../std/bytes.ts";
import { chainAfter, type Frame, frameHeader, frameOf } from "./frame.ts";
import { type HaltReason, halted } from "./halt.ts";
import type { StoredMessage } from "./jetstream.ts";

/** A batch, and the stream sequence of the first of its messages. */
export interface PlacedBatch extends StoredBatch {
  readonly sequence: number;
  /** Chain before it. */
  readonly before: number;
}

/** What a stream must hold, by its own frames. */
export interface Origin {
  readonly stream: string;
  readonly app: string;
  readonly partition: number;
}

/** The frame of a message of this changelog. */
export function frameIn(origin: Origin, message: StoredMessage): Frame {
  const frame = frameOf(message.header(frameHeader));
  const ours = frame?.app === origin.app && frame.partition === origin.partition;
  if (frame !== undefined && ours) return frame;
  throw halted(origin.stream, "foreign", { sequence: message.sequence });
}

export class Assembler {
  readonly #origin: Origin;
  /** What the next batch must say; undefined before the first. */
  #next: Pick<Frame, "first" | "epoch" | "before"> | undefined;
  #open:
    | { readonly frame: Frame; readonly sequence: number; readonly parts: Uint8Array[] }
    | undefined;

  constructor(origin: Origin) {
    this.#origin = origin;
  }

  /** Takes the next message; answers a batch when it is the last of one. */
  take(message: StoredMessage): PlacedBatch | undefined {
    const frame = frameIn(this.#origin, message);
    if (this.#continues(frame)) this.#open?.parts.push(message.data);
    else this.#begin(frame, message);
    const open = this.#open;
    if (open === undefined || frame.part < frame.parts) return undefined;
    this.#open = undefined;
    return this.#finish(open.frame, open.sequence, concatBytes(...open.parts));
  }

  #continues({ nonce, part }: Frame): boolean {
    const open = this.#open;
    return open !== undefined && open.frame.nonce === nonce && part === open.parts.length + 1;
  }

  #begin(frame: Frame, { sequence, data }: StoredMessage): void {
    const open = this.#open;
    if (open !== undefined && frame.epoch <= open.frame.epoch) this.#wrong("hole", sequence);
    this.#open = undefined;
    if (frame.part !== 1) this.#wrong("hole", sequence);
    const next = (this.#next ??= frame);
    if (frame.first !== next.first || frame.epoch < next.epoch) this.#wrong("hole", sequence);
    if (frame.before !== next.before) this.#wrong("diverged", sequence);
    if (frame.kind === "batch") this.#open = { frame, sequence, parts: [data] };
  }

  #finish({ first, count, epoch, before, chain }: Frame, sequence: number, bytes: Uint8Array) {
    if (chainAfter(before, { first, count, epoch, bytes }) !== chain) {
      this.#wrong("damaged", sequence);
    }
    this.#next = { first: first + count, epoch, before: chain };
    return { first, count, epoch, bytes, chain, sequence, before };
  }

  #wrong(reason: HaltReason, sequence: number): never {
    throw halted(this.#origin.stream, reason, { sequence });
  }
}
