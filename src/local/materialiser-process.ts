// Folding in a process of its own, for hosts that are a worker thread themselves: such a thread may
// be terminated at any moment, and the threads below it with it, in the midst of a statement, which
// the SQLite library answers by aborting the whole process. A process only sees that nobody talks
// to it any more, and ends between two statements.
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { FromThread } from "../model/thread-message.ts";
import type { StartCarrier } from "./remote-materialiser.ts";

/** A process of `entry` that folds into the table at `path`. */
export function inProcess(entry: URL, path: string): StartCarrier {
  return (told, failed) => {
    const child = fork(fileURLToPath(entry), [path], {
      // Bytes as bytes.
      serialization: "advanced",
      execArgv: [],
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    const ended = new Promise<void>((resolve) => void child.once("exit", () => resolve()));
    child.on("message", (message) => told(message as FromThread));
    child.on("error", failed);
    child.on("exit", () => failed(new Error("the materialiser's process has ended")));
    return {
      post: (message) => {
        // What cannot be sent is told by the process's end.
        child.send(message, () => {});
      },
      ref: () => {
        child.ref();
        child.channel?.ref();
      },
      unref: () => {
        child.unref();
        child.channel?.unref();
      },
      end: async () => {
        if (child.connected) child.disconnect();
        await ended;
      },
    };
  };
}
