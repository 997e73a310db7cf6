// What the engine takes from where it runs, under simulation: nothing of the world but the context
// that says whose code runs, and the rejections nobody handled. Time, randomness and storage are
// given to each engine; what asks the platform for them has found a way past its ports.
import { AsyncLocalStorage } from "node:async_hooks";
import { watchRejections } from "../src/local/rejections.ts";
import type { Owner, Platform } from "../src/platform.ts";
import { trapped } from "./traps.ts";

const owners = new AsyncLocalStorage<Owner | undefined>();

export const platform: Platform = {
  clock: {
    now: trapped("platform.clock.now"),
    monotonic: trapped("platform.clock.monotonic"),
    after: trapped("platform.clock.after"),
    nextTurn: trapped("platform.clock.nextTurn"),
  },
  randomBytes: trapped("platform.randomBytes"),
  context: {
    run: (owner, code) => owners.run(owner, code),
    owner: () => owners.getStore(),
  },
  watchRejections: () => watchRejections(() => owners.getStore()),
  keepAlive: () => () => {},
  fileStorage: trapped("platform.fileStorage"),
  canonicalPath: (path) => path,
  format: (args) => args.map(String).join(" "),
  warn: trapped("platform.warn"),
};
