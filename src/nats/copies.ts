// Copies of one partition's table in JetStream: chunks under a name that is used once, and a manifest
// behind them that lists their sequences. A manifest is written when all chunks were read back and
// hash to what was sent; a copy that is none is nothing but chunks nobody names. The newest two are
// kept (R15).
import { createHash } from "node:crypto";
import { HoldfastError } from "../model/errors.ts";
import { textOfUtf8, utf8 } from "../std/bytes.ts";
import type { JetStream } from "./jetstream.ts";
import { copyNames, copySubject } from "./names.ts";
import { unavailable } from "./outcome.ts";
import { messageAt } from "./reader.ts";

export interface Manifest {
  readonly name: string;
  /** Up to where the table is folded, and the chain of the changelog there. */
  readonly position: number;
  readonly chain: number;
  readonly bytes: number;
  readonly sha256: string;
  /** Stream sequences of the chunks, in order. */
  readonly chunks: readonly number[];
  /** Stream sequence of the manifest before this one; 0 when it is the first. */
  readonly before: number;
}

export interface Copy extends Manifest {
  /** Stream sequence of the manifest. */
  readonly sequence: number;
}

export interface NatsCopiesOptions {
  readonly jetstream: JetStream;
  /** Who may purge, where that is another user. */
  readonly janitor?: JetStream | undefined;
  readonly app: string;
  readonly partition: number;
}

export const chunkBytes: number = 512 * 1024;
const kept = 2;

export class NatsCopies {
  readonly #options: NatsCopiesOptions;
  readonly #stream: string;
  readonly #manifests: string;

  constructor(options: NatsCopiesOptions) {
    this.#options = options;
    this.#stream = copyNames(options.app).stream;
    this.#manifests = copySubject(options.app, options.partition, "manifest");
  }

  /**
   * Stores a copy, reads it back and names it.
   *
   * @throws HoldfastError `COPY_DAMAGED`, `NATS_UNAVAILABLE`.
   */
  async put(
    chunks: AsyncIterable<Uint8Array>,
    place: { readonly position: number; readonly chain: number },
  ): Promise<Copy> {
    const { app, partition } = this.#options;
    const name = this.#options.jetstream.world.name(12);
    const subject = copySubject(app, partition, name);
    const hash = createHash("sha256");
    const sequences: number[] = [];
    let bytes = 0;
    for await (const chunk of chunks) {
      hash.update(chunk);
      bytes += chunk.length;
      sequences.push(await this.#store(subject, chunk, {}));
    }
    const [newest] = await this.newest(1);
    const manifest: Manifest = {
      name,
      ...place,
      bytes,
      sha256: hash.digest("hex"),
      chunks: sequences,
      before: newest?.sequence ?? 0,
    };
    if (!(await this.matches(manifest))) throw damaged(manifest);
    // Another leader's copy between that one and this would be lost from the list: it is refused.
    const sequence = await this.#store(this.#manifests, utf8(JSON.stringify(manifest)), {
      "Nats-Expected-Last-Subject-Sequence": String(manifest.before),
    });
    return { ...manifest, sequence };
  }

  /** The newest copies, newest first, as their manifests have them. */
  async newest(count: number = kept): Promise<Copy[]> {
    const { jetstream } = this.#options;
    const found: Copy[] = [];
    let by: { readonly last_by_subj: string } | { readonly seq: number } = {
      last_by_subj: this.#manifests,
    };
    while (found.length < count) {
      const message = await jetstream.message(this.#stream, by);
      if (message?.subject !== this.#manifests) break;
      const manifest = JSON.parse(textOfUtf8(message.data)) as Manifest;
      found.push({ ...manifest, sequence: message.sequence });
      if (manifest.before === 0) break;
      by = { seq: manifest.before };
    }
    return found;
  }

  /** The bytes of a copy; what they hash to is the caller's to compare. */
  async *chunksOf({ chunks }: Manifest): AsyncIterable<Uint8Array> {
    for (const sequence of chunks) {
      yield (await messageAt(this.#options.jetstream, this.#stream, sequence)).data;
    }
  }

  /** Reads it and compares: false when it is not what was stored. */
  async matches(manifest: Manifest): Promise<boolean> {
    const hash = createHash("sha256");
    try {
      for await (const chunk of this.chunksOf(manifest)) hash.update(chunk);
    } catch (error) {
      if (error instanceof HoldfastError && error.code === "PARTITION_HALTED") return false;
      throw error;
    }
    return hash.digest("hex") === manifest.sha256;
  }

  /** Removes all but the newest two copies, and chunks of copies that never came to be. */
  async prune(): Promise<void> {
    const { app, partition, jetstream, janitor = jetstream } = this.#options;
    const names = new Set((await this.newest()).map(({ name }) => name));
    names.add("manifest");
    const of = copySubject(app, partition, "");
    const info = await jetstream.info(this.#stream, { subjects_filter: `${of}*` });
    for (const subject of Object.keys(info?.state.subjects ?? {})) {
      if (!names.has(subject.slice(of.length))) await janitor.purgeSubject(this.#stream, subject);
    }
  }

  async #store(
    subject: string,
    body: Uint8Array,
    headers: Readonly<Record<string, string>>,
  ): Promise<number> {
    const { jetstream } = this.#options;
    for (const over = jetstream.patience(); ; await jetstream.pause(50)) {
      const ack = await jetstream.publish(subject, body, {
        "Nats-Expected-Stream": this.#stream,
        ...headers,
      });
      if (ack.kind === "ack" && ack.stream === this.#stream && !ack.dup) return ack.seq;
      const why = ack.kind === "refusal" ? ack.refusal.message : "it does not answer";
      const never = ack.kind === "refusal" && ack.refusal.status === 400;
      // The outcome does not matter: a copy without a manifest is none.
      if (never || over()) throw unavailable(`${subject} takes nothing: ${why}.`);
    }
  }
}

export function damaged({ name, position }: Manifest): HoldfastError {
  return new HoldfastError("COPY_DAMAGED", {
    happened: `The copy ${name} of the table at position ${position} reads back differently.`,
    fix: "The changelog is kept until a copy succeeds. Check the JetStream servers' disks.",
    data: { name, position },
  });
}
