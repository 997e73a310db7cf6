// A changelog that forgets with the process: for memory(), tests and simulation. It keeps what was
// appended until it is trimmed, so that an engine can be opened again on it.
import { HoldfastError } from "../model/errors.ts";
import type { Batch, Changelog, ChangelogRange, StoredBatch } from "../ports/changelog.ts";
import { invariant } from "../std/assert.ts";

export class MemoryChangelog implements Changelog {
  readonly fence = "lock";
  #batches: StoredBatch[] = [];
  #bytes = 0;
  #last = 0;
  #epoch = 0;
  #chain = 0;
  #trimmed = { position: 0, chain: 0 };
  #clean = true;
  #closed = false;
  onFull: ((full: boolean) => void) | undefined;

  get range(): ChangelogRange {
    return {
      first: this.#batches[0]?.first ?? this.#last + 1,
      last: this.#last,
      epoch: this.#epoch,
      chain: this.#chain,
      clean: this.#clean,
    };
  }

  get bytes(): number {
    return this.#bytes;
  }

  append(batch: Batch): Promise<number> {
    if (this.#closed) return Promise.reject(new HoldfastError("CHANGELOG_CLOSED"));
    const { first, count, epoch, bytes } = batch;
    invariant(first === this.#last + 1, () => `I2: append at ${first} after ${this.#last}`);
    invariant(epoch >= this.#epoch, () => `I2: epoch ${epoch} after ${this.#epoch}`);
    this.#chain = (Math.imul(this.#chain ^ bytes.length, 0x9e3779b1) + first + count) >>> 0;
    this.#batches.push({ ...batch, chain: this.#chain });
    this.#bytes += bytes.length;
    this.#last = first + count - 1;
    this.#epoch = epoch;
    return Promise.resolve(this.#chain);
  }

  async *read(position: number): AsyncIterable<StoredBatch> {
    for (const batch of this.#batches) {
      if (batch.first + batch.count > position) yield batch;
    }
  }

  chainAt(position: number): number | undefined {
    if (position === 0 || position === this.#trimmed.position) return this.#trimmed.chain;
    return this.#batches.find(({ first, count }) => first + count - 1 === position)?.chain;
  }

  trim(position: number): Promise<void> {
    for (let batch = this.#batches[0]; batch !== undefined; batch = this.#batches[0]) {
      const last = batch.first + batch.count - 1;
      if (last > position) break;
      this.#batches.shift();
      this.#bytes -= batch.bytes.length;
      this.#trimmed = { position: last, chain: batch.chain };
    }
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.#closed = true;
    return Promise.resolve();
  }

  /** Opens it again: `clean` unless its owner is said to have died. */
  reopen(clean: boolean): void {
    this.#closed = false;
    this.#clean = clean;
  }
}
