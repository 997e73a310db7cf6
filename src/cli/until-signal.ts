// Runs until the process is told to end: the first signal closes in order within a deadline, the
// second ends at once.
import { exit } from "./exit.ts";
import type { Output } from "./output.ts";

/** Resolves with the exit code once a signal came and all is closed. */
export function untilSignal(
  close: () => Promise<void>,
  deadlineMs: number,
  out: Output,
): Promise<number> {
  return new Promise((resolve, reject) => {
    let ending = false;
    const end = (signal: NodeJS.Signals): void => {
      if (ending) process.exit(128 + (signal === "SIGINT" ? 2 : 15));
      ending = true;
      out.say(`holdfast: ${signal}: lets running steps end, then closes. Again: ends at once.`);
      const late = setTimeout(() => {
        out.say("holdfast: the deadline is over. What was answered is durable.");
        process.exit(exit.failed);
      }, deadlineMs);
      close().then(() => {
        clearTimeout(late);
        out.say("holdfast: closed in order.");
        resolve(exit.done);
      }, reject);
    };
    process.on("SIGTERM", end).on("SIGINT", end);
  });
}
