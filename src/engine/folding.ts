// A materialiser in place: folds in the same thread, a stretch at a time, between turns of the
// event loop. For memory, tests and simulation; the file storage folds in a thread of its own.

import type { StoredBatch } from "../ports/changelog.ts";
import type { Clock } from "../ports/clock.ts";
import type { ColdTable } from "../ports/cold-table.ts";
import type { Materialiser, TableCopied } from "../ports/materialiser.ts";
import { Folder } from "./materialiser.ts";

export interface FoldingOptions {
  readonly cold: ColdTable;
  readonly clock: Pick<Clock, "nextTurn">;
  /** Bytes of changelog gathered before they are folded; 0 folds each batch at once. */
  readonly stretchBytes: number;
}

export class Folding implements Materialiser {
  readonly #folder: Folder;
  readonly #options: FoldingOptions;
  #lagBytes = 0;
  #scheduled = false;
  onFold: (() => void) | undefined;
  onError: ((error: unknown) => void) | undefined;

  constructor(options: FoldingOptions) {
    this.#options = options;
    this.#folder = new Folder(options.cold, { keepRows: options.stretchBytes === 0 ? 0 : 1000 });
  }

  get folded(): number {
    return this.#folder.folded;
  }

  get lagBytes(): number {
    return this.#lagBytes;
  }

  give(batch: StoredBatch): void {
    try {
      this.#folder.take(batch);
    } catch (error) {
      this.onError?.(error);
      return;
    }
    this.#lagBytes += batch.bytes.length;
    const { stretchBytes, clock } = this.#options;
    if (this.#lagBytes < stretchBytes || this.#scheduled) return;
    this.#scheduled = true;
    clock.nextTurn(() => this.#write());
  }

  #write(): void {
    this.#scheduled = false;
    try {
      this.#folder.write();
    } catch (error) {
      this.onError?.(error);
      return;
    }
    this.#lagBytes = 0;
    this.onFold?.();
  }

  drain(): Promise<void> {
    this.#write();
    return Promise.resolve();
  }

  /** Memory is its own copy: what is folded may be trimmed. */
  copy(): Promise<TableCopied | undefined> {
    return Promise.resolve({ position: this.folded, bytes: 0, behind: this.folded });
  }

  close(): Promise<void> {
    return this.drain();
  }
}
