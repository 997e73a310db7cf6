// Folding in a worker thread. It is parked when the process exits, since the SQLite library aborts
// a process that exits while a thread of it is inside a statement.
import { isMainThread, Worker } from "node:worker_threads";
import {
  type FromThread,
  guardBusy,
  guardStop,
  type ThreadSetup,
} from "../model/thread-message.ts";
import type { StartCarrier } from "./remote-materialiser.ts";

/** How long an exiting process waits for a statement to end. */
const parkMsMax = 2000;

/** Whether this is a thread of a host, which the host may terminate at any moment. */
export const terminable: boolean = !isMainThread;

/** A thread of `entry` that folds into the table at `path`. */
export function inThread(entry: URL, path: string): StartCarrier {
  return (told, failed) => {
    const cells = new Int32Array(new SharedArrayBuffer(8));
    const setup: ThreadSetup = { path, guard: cells.buffer as SharedArrayBuffer };
    // Not the process's own options: `--input-type` would refuse the entry, and a loader of
    // TypeScript would be started once more for nothing. NODE_OPTIONS still holds.
    const execArgv: string[] = [];
    const worker = new Worker(entry, { workerData: setup, execArgv, stdout: false, stderr: false });
    const exit = (): void => park(cells);
    worker.on("message", (message: FromThread) => told(message));
    worker.on("error", failed);
    worker.on("exit", () => failed(new Error("the materialiser's thread has ended")));
    process.on("exit", exit);
    return {
      post: (message) => worker.postMessage(message),
      ref: () => worker.ref(),
      unref: () => worker.unref(),
      end: async () => {
        process.off("exit", exit);
        await worker.terminate();
      },
    };
  };
}

/** The process exits: the thread stops before its next statement, and we wait for this one. */
function park(cells: Int32Array): void {
  Atomics.store(cells, guardStop, 1);
  const until = Date.now() + parkMsMax;
  while (Atomics.load(cells, guardBusy) === 1 && Date.now() < until) {
    Atomics.wait(cells, guardBusy, 1, 50);
  }
}
