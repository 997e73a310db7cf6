// The materialiser over a worker thread: batches go there as bytes, positions come back. It parks
// the thread when the process exits, since the SQLite library aborts a process that exits while a
// thread of it is inside a statement.
import { Worker } from "node:worker_threads";
import { type ErrorCode, errorCodes, HoldfastError } from "../model/errors.ts";
import {
  type FromThread,
  guardBusy,
  guardStop,
  type ThreadSetup,
  type ToThread,
} from "../model/thread-message.ts";
import type { StoredBatch } from "../ports/changelog.ts";
import type { Materialiser } from "../ports/materialiser.ts";
import { type Deferred, deferred } from "../std/deferred.ts";

export interface MaterialiserThreadOptions {
  /** The worker's entry. */
  readonly entry: URL;
  readonly path: string;
  /** Position up to which the table is folded now. */
  readonly folded: number;
  /** Where the next copy is written, and what becomes of it. */
  readonly keepCopy: (
    copy: (to: string) => Promise<number>,
  ) => Promise<{ readonly position: number; readonly bytes: number } | undefined>;
}

/** How long an exiting process waits for a statement to end. */
const parkMsMax = 2000;

export class MaterialiserThread implements Materialiser {
  readonly #options: MaterialiserThreadOptions;
  readonly #cells = new Int32Array(new SharedArrayBuffer(8));
  readonly #tickets = new Map<number, Deferred<number>>();
  readonly #exit = (): void => this.#park();
  #worker: Worker | undefined;
  #folded: number;
  #lagBytes = 0;
  #ticket = 0;
  #failure: HoldfastError | undefined;
  onFold: (() => void) | undefined;
  onError: ((error: unknown) => void) | undefined;

  constructor(options: MaterialiserThreadOptions) {
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
    this.#post({ kind: "batch", first, count, epoch, chain, bytes });
  }

  async drain(): Promise<void> {
    if (this.#worker !== undefined) await this.#ask((ticket) => ({ kind: "drain", ticket }));
  }

  copy(): Promise<{ position: number; bytes: number } | undefined> {
    return this.#options.keepCopy((to) => this.#ask((ticket) => ({ kind: "copy", ticket, to })));
  }

  async close(): Promise<void> {
    const worker = this.#worker;
    if (worker === undefined) return;
    try {
      if (this.#failure === undefined) await this.#ask((ticket) => ({ kind: "close", ticket }));
    } finally {
      this.#worker = undefined;
      process.off("exit", this.#exit);
      await worker.terminate();
    }
  }

  /** The thread starts with the first thing it is given: opening does not wait for it. */
  #started(): Worker {
    if (this.#worker !== undefined) return this.#worker;
    const { entry, path } = this.#options;
    const guard = this.#cells.buffer as SharedArrayBuffer;
    const setup: ThreadSetup = { path, guard };
    // Not the process's own options: `--input-type` would refuse the entry, and a loader of
    // TypeScript would be started once more for nothing. NODE_OPTIONS still holds.
    const execArgv: string[] = [];
    const worker = new Worker(entry, { workerData: setup, execArgv, stdout: false, stderr: false });
    worker.on("message", (message: FromThread) => this.#told(message));
    worker.on("error", (error) => this.#fail(error));
    worker.on("exit", () => {
      if (this.#worker === worker) this.#fail(new Error("the materialiser's thread has ended"));
    });
    worker.unref();
    process.on("exit", this.#exit);
    this.#worker = worker;
    return worker;
  }

  #post(message: ToThread): void {
    this.#started().postMessage(message);
  }

  #ask(message: (ticket: number) => ToThread): Promise<number> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const ticket = ++this.#ticket;
    const answer = deferred<number>();
    this.#tickets.set(ticket, answer);
    const worker = this.#started();
    worker.ref();
    this.#post(message(ticket));
    return answer.promise.finally(() => {
      if (this.#tickets.size === 0) worker.unref();
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
        return this.#fail(message);
    }
  }

  #fail(error: { readonly message: string; readonly code?: string | undefined }): void {
    if (this.#failure !== undefined) return;
    // Node's own errors have codes too.
    const ours = error.code !== undefined && Object.hasOwn(errorCodes, error.code);
    const code = ours ? (error.code as ErrorCode) : "TABLE_DAMAGED";
    const failure = new HoldfastError(code, { message: error.message });
    this.#failure = failure;
    for (const ticket of this.#tickets.values()) ticket.reject(failure);
    this.#tickets.clear();
    this.onError?.(failure);
  }

  /** The process exits: the thread stops before its next statement, and we wait for this one. */
  #park(): void {
    Atomics.store(this.#cells, guardStop, 1);
    const until = Date.now() + parkMsMax;
    while (Atomics.load(this.#cells, guardBusy) === 1 && Date.now() < until) {
      Atomics.wait(this.#cells, guardBusy, 1, 50);
    }
  }
}
