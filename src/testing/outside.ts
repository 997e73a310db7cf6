// Which line awaited something outside its journal: the scenario is run once more with Node telling
// of everything asynchronous that begins, and the first thing a handler began by itself is the one.
import { type AsyncHook, createHook } from "node:async_hooks";
import { platform } from "#platform";
import { Caller, type SourceLine } from "../journal/source-line.ts";
import { CrashRun, type CrashTestOptions } from "./crash-run.ts";

/** What is no work of its own, and what awaits leave behind. */
const harmless = new Set(["PROMISE", "TickObject", "Microtask"]);

export async function awaitedOutside(options: CrashTestOptions): Promise<SourceLine | undefined> {
  let line: SourceLine | undefined;
  let looking = false;
  const hook: AsyncHook = createHook({
    init(_id, type) {
      if (line !== undefined || looking || harmless.has(type)) return;
      const owner = platform.context.owner();
      if (owner === undefined || owner.body) return;
      looking = true;
      // What the engine begins on behalf of a handler begins in its own code.
      const caller = new Caller();
      if (!/testing[\\/]virtual-clock/.test(caller.stack)) line = caller.line;
      looking = false;
    },
  });
  hook.enable();
  try {
    await new CrashRun({ ...options, batchOfOne: false }).run().catch(() => {});
  } finally {
    hook.disable();
  }
  return line;
}
