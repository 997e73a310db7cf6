// The materialiser where the folding is done elsewhere: batches go there as bytes, positions come
// back. Whether elsewhere is a thread or a process is the carrier's.
import { type ErrorCode, HoldfastError } from "../model/errors.ts";
import type { FromThread, ToThread } from "../model/thread-message.ts";
import type { StoredBatch } from "../ports/changelog.ts";
import type { Timer } from "../ports/clock.ts";
import type { Materialiser, TableCopied } from "../ports/materialiser.ts";
import { type Deferred, deferred } from "../std/deferred.ts";

/** What folds, as far as talking with it goes. It keeps no process running unless referenced. */
export interface Carrier {
  post(message: ToThread): void;
  ref(): void;
  unref(): void;
  /** Ends it, whatever it does. */
  end(): Promise<void>;
}

/** Starts a carrier. `failed` may be told after the end; the first time counts. */
export type StartCarrier = (
  told: (message: FromThread) => void,
  failed: (error: Error) => void,
) => Carrier;

export interface RemoteMaterialiserOptions {
  readonly start: StartCarrier;
  /** Position up to which the table is folded now. */
  readonly folded: number;
  /** Folds a little here and now, for a program that ends before anything was started. */
  readonly foldHere?: ((batches: readonly StoredBatch[]) => void) | undefined;
  readonly after: (ms: number, then: () => void) => Timer;
  /** Where the next copy is written, and what becomes of it. */
  readonly keepCopy: (copy: (to: string) => Promise<number>) => Promise<TableCopied>;
}

/** How long after the first batch folding starts elsewhere, and what is held until then. */
const startAfterMs = 50;
const heldBytesMax = 256 * 1024;

export class RemoteMaterialiser implements Materialiser {
  readonly #options: RemoteMaterialiserOptions;
  readonly #tickets = new Map<number, Deferred<number>>();
  /** Batches given before anything was started to fold them. */
  #held: StoredBatch[] = [];
  #starting: Timer | undefined;
  #carrier: Carrier | undefined;
  #folded: number;
  #lagBytes = 0;
  #ticket = 0;
  #failure: HoldfastError | undefined;
  onFold: (() => void) | undefined;
  onError: ((error: unknown) => void) | undefined;

  constructor(options: RemoteMaterialiserOptions) {
    this.#options = options;
    this.#folded = options.folded;
  }

  get folded(): number {
    return this.#folded;
  }

  get lagBytes(): number {
    return this.#lagBytes;
  }

  give({ first, count, epoch, chain, bytes }: StoredBatch): void {
    if (this.#failure !== undefined) return;
    this.#lagBytes += bytes.length;
    if (this.#carrier !== undefined) {
      return this.#carrier.post({ kind: "batch", first, count, epoch, chain, bytes });
    }
    this.#held.push({ first, count, epoch, chain, bytes });
    if (this.#lagBytes > heldBytesMax) this.#started();
    else this.#starting ??= this.#options.after(startAfterMs, () => this.#started());
  }

  async drain(): Promise<void> {
    if (this.#carrier !== undefined || this.#held.length > 0)
      await this.#ask((ticket) => ({ kind: "drain", ticket }));
  }

  copy(): Promise<TableCopied> {
    return this.#options.keepCopy((to) => this.#ask((ticket) => ({ kind: "copy", ticket, to })));
  }

  async copyTo(path: string): Promise<void> {
    await this.#ask((ticket) => ({ kind: "copy", ticket, to: path }));
  }

  async close(): Promise<void> {
    this.#starting?.cancel();
    const { foldHere } = this.#options;
    if (this.#carrier === undefined && this.#held.length > 0) {
      if (foldHere !== undefined) return this.#foldHere(foldHere);
      this.#started();
    }
    const carrier = this.#carrier;
    if (carrier === undefined) return;
    try {
      if (this.#failure === undefined) await this.#ask((ticket) => ({ kind: "close", ticket }));
    } finally {
      this.#carrier = undefined;
      await carrier.end();
      // A copy that it had not finished is nobody's any more.
      for (const ticket of this.#tickets.values())
        ticket.reject(new HoldfastError("ENGINE_CLOSED"));
      this.#tickets.clear();
    }
  }

  #foldHere(fold: (batches: readonly StoredBatch[]) => void): void {
    try {
      fold(this.#held);
    } catch {
      // The changelog holds it, and who opens the directory next folds it, or hears what is wrong.
    }
  }

  /** It starts a little after the first batch: neither opening nor the first answer waits for it. */
  #started(): Carrier {
    if (this.#carrier !== undefined) return this.#carrier;
    this.#starting?.cancel();
    const carrier = this.#options.start(
      (message) => this.#told(message),
      (error) => {
        if (this.#carrier === carrier) this.#fail(error);
      },
    );
    carrier.unref();
    this.#carrier = carrier;
    const held = this.#held;
    this.#held = [];
    for (const { first, count, epoch, chain, bytes } of held) {
      carrier.post({ kind: "batch", first, count, epoch, chain, bytes });
    }
    return carrier;
  }

  #ask(message: (ticket: number) => ToThread): Promise<number> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const ticket = ++this.#ticket;
    const answer = deferred<number>();
    this.#tickets.set(ticket, answer);
    const carrier = this.#started();
    carrier.ref();
    carrier.post(message(ticket));
    return answer.promise.finally(() => {
      if (this.#tickets.size === 0) carrier.unref();
    });
  }

  #told(message: FromThread): void {
    switch (message.kind) {
      case "folded":
        this.#folded = message.position;
        this.#lagBytes -= message.bytes;
        this.onFold?.();
        return;
      case "done":
        this.#tickets.get(message.ticket)?.resolve(message.position);
        this.#tickets.delete(message.ticket);
        return;
      case "failed":
        return message.ticket === undefined ? this.#fail(message) : this.#refused(message);
    }
  }

  /** What was asked failed, and nothing else. */
  #refused({ ticket = 0, code, message }: Extract<FromThread, { kind: "failed" }>): void {
    this.#tickets.get(ticket)?.reject(failureOf(code, message));
    this.#tickets.delete(ticket);
  }

  #fail(error: { readonly message: string; readonly code?: string | undefined }): void {
    if (this.#failure !== undefined) return;
    const failure = failureOf(error.code, error.message);
    this.#failure = failure;
    for (const ticket of this.#tickets.values()) ticket.reject(failure);
    this.#tickets.clear();
    this.onError?.(failure);
  }
}

/** What has no code is a bug, there or here. */
function failureOf(code: string | undefined, message: string): HoldfastError {
  return new HoldfastError((code ?? "INVARIANT_BROKEN") as ErrorCode, { message });
}
