// The platform on Node. Timers are captured when this is loaded, so that a test's fake timers do not
// stop the engine. None of them keeps the process running: an open engine does (`keepAlive`).
import { AsyncLocalStorage } from "node:async_hooks";
import { randomFillSync } from "node:crypto";
import { canonicalPath, fileStorage } from "./file-storage.ts";
import { watchRejections } from "./local/rejections.ts";
import type { Owner, Platform } from "./platform.ts";

const { setTimeout, clearTimeout, setInterval, clearInterval, setImmediate } = globalThis;
const owners = new AsyncLocalStorage<Owner>();

export const platform: Platform = {
  clock: {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    after(ms, then) {
      const timer = setTimeout(then, ms);
      timer.unref();
      return { cancel: () => clearTimeout(timer) };
    },
    nextTurn: (then) => void setImmediate(then),
  },
  randomBytes: (length) => randomFillSync(new Uint8Array(length)),
  context: {
    run: (owner, code) => owners.run(owner, code),
    owner: () => owners.getStore(),
  },
  watchRejections: () => watchRejections(() => owners.getStore()),
  keepAlive() {
    const timer = setInterval(() => {}, 1 << 30);
    return () => clearInterval(timer);
  },
  fileStorage,
  canonicalPath,
  warn: (line) => process.stderr.write(`${line}\n`),
};
