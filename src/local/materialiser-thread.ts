// Folding in a worker thread. It is parked when the process exits, since the SQLite library aborts
// a process that exits while a thread of it is inside a statement.
import { isMainThread, Worker } from "node:worker_threads";
import {
  endOfThread,
  type FromTable,
  type FromThread,
  guardBusy,
  guardStop,
  type ThreadSetup,
  type ToTable,
  type ToThread,
} from "../model/thread-message.ts";
import type { Carrier, StartCarrier } from "./remote-materialiser.ts";

const { setTimeout, clearTimeout } = globalThis;

/** How long a thread that was told to end may go on: a copy of a large table takes a while. */
const endMsMax = 5000;
/** How long an exiting process waits for a statement to end. */
const parkMsMax = 2000;

/** Whether this is a thread of a host, which the host may terminate at any moment. */
export const terminable: boolean = !isMainThread;

/** A thread of `entry` that folds into the table at `path`. */
export function inThread(entry: URL, path: string): StartCarrier {
  return (told, failed) => {
    const thread = startThread(entry, path);
    thread.worker.on("message", (message: FromThread) => told(message));
    thread.onEnd(failed);
    const { worker } = thread;
    const outbox = new Outbox<ToThread>((messages) => worker.postMessage(messages));
    return {
      post: (message) => outbox.post(message, bytesOf(message)),
      ref: () => worker.ref(),
      unref: () => worker.unref(),
      end: thread.end,
    };
  };
}

/**
 * How long batches are gathered on their way, and how much: to wake another thread for each of them
 * costs as much as a commit's own work, and takes the core that would bring the next answer.
 */
const gatherMs = 10;
const gatherBytesMax = 256 * 1024;

/** Messages on their way to a thread, in order. What somebody waits for goes at once. */
class Outbox<M> {
  readonly #send: (messages: readonly M[]) => void;
  #messages: M[] = [];
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(send: (messages: readonly M[]) => void) {
    this.#send = send;
  }

  /** Without `bytes` it goes at once, behind all that was posted before. */
  post(message: M, bytes: number | undefined): void {
    this.#messages.push(message);
    this.#bytes += bytes ?? gatherBytesMax;
    if (this.#bytes >= gatherBytesMax) return this.#flush();
    this.#timer ??= setTimeout(() => this.#flush(), gatherMs).unref();
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const messages = this.#messages;
    this.#messages = [];
    this.#bytes = 0;
    this.#send(messages);
  }
}

function bytesOf(message: ToTable["message"]): number | undefined {
  return message.kind === "batch" ? message.bytes.length : undefined;
}

interface Thread {
  readonly worker: Worker;
  onEnd(failed: (error: Error) => void): void;
  end(): Promise<void>;
}

function startThread(entry: URL, path: string | undefined): Thread {
  const cells = new Int32Array(new SharedArrayBuffer(8));
  const setup: ThreadSetup = { path, guard: cells.buffer as SharedArrayBuffer };
  // Not the process's own options: `--input-type` would refuse the entry, and a loader of
  // TypeScript would be started once more for nothing. NODE_OPTIONS still holds.
  const execArgv: string[] = [];
  const worker = new Worker(entry, { workerData: setup, execArgv, stdout: false, stderr: false });
  const exit = (): void => park(cells);
  process.on("exit", exit);
  return {
    worker,
    onEnd: (failed) => {
      worker.on("error", failed);
      worker.on("exit", () => failed(new Error("the materialiser's thread has ended")));
    },
    end: async () => {
      await ended(worker);
      process.off("exit", exit);
    },
  };
}

/**
 * A thread ends by itself once it has nothing left to do: one that is terminated takes the SQLite
 * library down with whatever that still has under way, and once in a while the process with it.
 */
function ended(worker: Worker): Promise<void> {
  if (worker.threadId === -1) return Promise.resolve();
  return new Promise((resolve) => {
    const late = setTimeout(() => void worker.terminate().then(() => resolve()), endMsMax);
    worker.once("exit", () => {
      clearTimeout(late);
      resolve();
    });
    worker.ref();
    worker.postMessage(endOfThread);
  });
}

/**
 * One thread of `entry` for any number of tables. It is started with the first of them, and ends
 * with the last.
 */
export function inSharedThread(entry: URL): (path: string) => StartCarrier {
  let shared: SharedThread | undefined;
  return (path) => (told, failed) => {
    if (shared === undefined || shared.over) shared = new SharedThread(entry);
    return shared.carrier(path, told, failed);
  };
}

class SharedThread {
  readonly #thread: Thread;
  readonly #tables = new Map<number, Parameters<StartCarrier>>();
  readonly #referenced = new Set<number>();
  readonly #outbox: Outbox<ToTable>;
  #next = 0;
  over = false;

  constructor(entry: URL) {
    const { worker } = (this.#thread = startThread(entry, undefined));
    this.#outbox = new Outbox((messages) => worker.postMessage(messages));
    this.#thread.worker.on("message", ({ table, message }: FromTable) => {
      this.#tables.get(table)?.[0](message);
    });
    this.#thread.onEnd((error) => {
      this.over = true;
      for (const [, failed] of [...this.#tables.values()]) failed(error);
    });
  }

  carrier(path: string, ...told: Parameters<StartCarrier>): Carrier {
    const { worker } = this.#thread;
    const table = this.#next++;
    const post = (message: ToTable["message"]): void => {
      this.#outbox.post({ table, message }, bytesOf(message));
    };
    const refer = (referenced: boolean): void => {
      this.#referenced[referenced ? "add" : "delete"](table);
      if (this.#referenced.size > 0) worker.ref();
      else worker.unref();
    };
    this.#tables.set(table, told);
    post({ kind: "open", path });
    return {
      post,
      ref: () => refer(true),
      unref: () => refer(false),
      end: async () => {
        this.#tables.delete(table);
        refer(false);
        if (this.#tables.size > 0 || this.over) return;
        this.over = true;
        await this.#thread.end();
      },
    };
  }
}

/** The process exits: the thread stops before its next statement, and we wait for this one. */
function park(cells: Int32Array): void {
  Atomics.store(cells, guardStop, 1);
  const until = Date.now() + parkMsMax;
  while (Atomics.load(cells, guardBusy) === 1 && Date.now() < until) {
    Atomics.wait(cells, guardBusy, 1, 50);
  }
}
