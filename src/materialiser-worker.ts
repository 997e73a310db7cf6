// Entry of the materialiser's thread, or of its process: a cold table and who folds into it, wired.
// Between two statements the thread can be parked, for good, when the process ends: the SQLite
// library aborts a process that ends inside one. A process of its own ends when its host is gone.
import { dirname, join } from "node:path";
import { parentPort, workerData } from "node:worker_threads";
import { Stretch } from "./engine/stretch.ts";
import { nodeDisk } from "./file/disk.ts";
import { lockDirectory } from "./file/lock.ts";
import { isHoldfastError } from "./model/errors.ts";
import {
  endOfThread,
  type FromThread,
  foldingFolder,
  guardBusy,
  guardStop,
  type ThreadSetup,
  type ToTable,
  type ToThread,
} from "./model/thread-message.ts";
import type { Timer } from "./ports/clock.ts";
import { openSqliteColdTable } from "./sqlite/cold-table.ts";
import { copyTable } from "./sqlite/copy.ts";
import { guardCalls } from "./sqlite/driver.ts";

if (parentPort !== null) inThread(parentPort, workerData as ThreadSetup);
else if (process.send !== undefined) inProcess(process.argv[2] as string);

type Port = NonNullable<typeof parentPort>;

function inThread(port: Port, { path, guard }: ThreadSetup): void {
  guardCalls(guardOf(new Int32Array(guard)));
  if (path === undefined) return ofMany(port);
  const take = run(path, (message) => port.postMessage(message));
  onMessage<ToThread>(port, take);
}

function onMessage<T>(port: Port, take: (message: T) => void): void {
  port.on("message", (messages: readonly T[] | typeof endOfThread) => {
    if (messages === endOfThread) port.close();
    else for (const message of messages) take(message);
  });
}

/** One thread for the tables of a node: they are folded in turn. */
function ofMany(port: Port): void {
  const tables = new Map<number, (message: ToThread) => void>();
  onMessage<ToTable>(port, ({ table, message }) => {
    const send = (told: FromThread): void => port.postMessage({ table, message: told });
    if (message.kind === "open") return opened(tables, table, message.path, send);
    tables.get(table)?.(message);
    if (message.kind === "close") tables.delete(table);
  });
}

/** A table that cannot be opened fails alone. */
function opened(
  tables: Map<number, (message: ToThread) => void>,
  table: number,
  path: string,
  send: (message: FromThread) => void,
): void {
  try {
    tables.set(table, run(path, send));
  } catch (error) {
    send(failure(undefined, error));
  }
}

function inProcess(path: string): void {
  const folder = join(dirname(path), foldingFolder);
  const send = (message: FromThread): void => void process.send?.(message, () => {});
  const made = nodeDisk().makeDirectory(folder);
  const ready = made.then(() => lockDirectory(folder)).then(() => run(path, send));
  process.on("message", (message) => void ready.then((take) => take(message as ToThread)));
  process.on("disconnect", () => process.exit(0));
  // A terminal's Ctrl-C is for the host, which decides what becomes of this.
  process.on("SIGINT", () => {});
}

function after(ms: number, then: () => void): Timer {
  const timer = setTimeout(then, ms);
  return { cancel: () => clearTimeout(timer) };
}

/** Answers who takes the messages. */
function run(path: string, send: (message: FromThread) => void): (message: ToThread) => void {
  const stretch = new Stretch(openSqliteColdTable(path), {
    after,
    folded: (position, bytes) => send({ kind: "folded", position, bytes }),
    failed: (error) => failed(undefined, error),
  });
  const failed = (ticket: number | undefined, error: unknown): void => send(failure(ticket, error));
  const take = (message: ToThread): void => {
    if (message.kind === "batch") return stretch.take(message);
    const { ticket } = message;
    const done = (position: number): void => send({ kind: "done", ticket, position });
    switch (message.kind) {
      case "drain":
        return stretch.whenWritten(done);
      case "copy":
        // Folding goes on meanwhile. What fails is the copy: the table is as it was.
        return stretch.whenWritten(() => {
          copyTable(path, message.to).then(
            ({ position }) => done(position),
            (error: unknown) => failed(ticket, error),
          );
        });
      case "close":
        return done(stretch.close());
    }
  };
  return (message) => {
    try {
      take(message);
    } catch (error) {
      failed(undefined, error);
    }
  };
}

function failure(ticket: number | undefined, error: unknown): FromThread {
  const ours = isHoldfastError(error);
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const code = ours ? error.code : undefined;
  return { kind: "failed", ticket, code, message: ours ? error.message : text };
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
