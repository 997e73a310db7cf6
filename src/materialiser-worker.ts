// Entry of the materialiser's thread: a cold table and a folder, wired. Batches are folded in memory
// as they come and written a stretch at a time; between two statements the thread can be parked, for
// good, when the process ends: the SQLite library aborts a process that ends inside one.
import { parentPort, workerData } from "node:worker_threads";
import { Folder } from "./engine/materialiser.ts";
import { isHoldfastError } from "./model/errors.ts";
import {
  type FromThread,
  guardBusy,
  guardStop,
  type ThreadSetup,
  type ToThread,
} from "./model/thread-message.ts";
import { openSqliteColdTable } from "./sqlite/cold-table.ts";
import { copyTable } from "./sqlite/copy.ts";
import { guardCalls } from "./sqlite/driver.ts";

/**
 * Changelog gathered before it is written while more keeps coming: what comes and goes within a
 * stretch costs no write, and most completed invocations do.
 */
const stretchBytesMax = 16 * 1024 * 1024;

/** How long the last batch of a stretch waits for another. */
const quietMs = 25;

const port = parentPort;
if (port !== null) run(workerData as ThreadSetup, (message) => port.postMessage(message));

function run({ path, guard }: ThreadSetup, send: (message: FromThread) => void): void {
  const cells = new Int32Array(guard);
  guardCalls(guardOf(cells));
  const cold = openSqliteColdTable(path);
  const folder = new Folder(cold, { keepRows: 20_000 });
  let bytes = 0;
  let timer: NodeJS.Timeout | undefined;

  const write = (): void => {
    if (bytes === 0) return;
    folder.write();
    send({ kind: "folded", position: folder.folded, bytes });
    bytes = 0;
  };
  const guarded = (ticket: number | undefined, act: () => void): void => {
    try {
      act();
    } catch (error) {
      const code = isHoldfastError(error) ? error.code : undefined;
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      send({ kind: "failed", ticket, code, message: isHoldfastError(error) ? error.message : text });
    }
  };
  /** Folding goes on meanwhile. */
  const copy = async (ticket: number, to: string): Promise<void> => {
    try {
      const { position } = await copyTable(path, to);
      send({ kind: "done", ticket, position });
    } catch (error) {
      guarded(ticket, () => {
        throw error;
      });
    }
  };
  const later = (): void => guarded(undefined, write);
  const take = (message: ToThread): void => {
    switch (message.kind) {
      case "batch": {
        folder.take(message);
        bytes += message.bytes.length;
        if (bytes >= stretchBytesMax) return write();
        if (timer === undefined) timer = setTimeout(later, quietMs);
        else timer.refresh();
        return;
      }
      case "drain":
        write();
        return send({ kind: "done", ticket: message.ticket, position: folder.folded });
      case "copy":
        write();
        return void copy(message.ticket, message.to);
      case "close":
        write();
        cold.close();
        return send({ kind: "done", ticket: message.ticket, position: folder.folded });
    }
  };
  port?.on("message", (message: ToThread) => {
    const ticket = "ticket" in message ? message.ticket : undefined;
    guarded(ticket, () => take(message));
  });
}

/** Marks the statement under way; parks the thread, for good, once the host has asked it to stop. */
function guardOf(cells: Int32Array): { enter(): void; leave(): void } {
  const park = (): void => {
    Atomics.notify(cells, guardBusy);
    Atomics.wait(cells, guardStop, 1);
  };
  return {
    enter: () => {
      Atomics.store(cells, guardBusy, 1);
      if (Atomics.load(cells, guardStop) !== 1) return;
      Atomics.store(cells, guardBusy, 0);
      park();
    },
    leave: () => {
      Atomics.store(cells, guardBusy, 0);
      if (Atomics.load(cells, guardStop) === 1) park();
    },
  };
}
