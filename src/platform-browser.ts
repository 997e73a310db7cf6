// The platform without Node: timers, random bytes and storage in memory. Durable storage is asked of
// an engine elsewhere.
import { HoldfastError } from "./model/errors.ts";
import type { Platform } from "./platform.ts";

const timers = { setTimeout: globalThis.setTimeout, clearTimeout: globalThis.clearTimeout };

export const platform: Platform = {
  clock: {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    after(ms, then) {
      const timer = timers.setTimeout(then, ms);
      return { cancel: () => timers.clearTimeout(timer) };
    },
    nextTurn: turns(),
  },
  randomBytes: (length) => globalThis.crypto.getRandomValues(new Uint8Array(length)),
  context: { run: (_owner, code) => code(), owner: () => undefined },
  watchRejections: () => () => {},
  keepAlive: () => () => {},
  fileStorage({ directory }) {
    throw new HoldfastError("STORAGE_UNAVAILABLE", { data: { directory } });
  },
  canonicalPath: (path) => path,
  format: (args) => args.map(shown).join(" "),
  warn: (line) => console.warn(line),
};

function shown(value: unknown): string {
  if (typeof value !== "object" || value === null || value instanceof Error) return String(value);
  try {
    return JSON.stringify(value);
  } catch {
    return String(value);
  }
}

/** A turn of the event loop without the delay that browsers add to nested timers. */
function turns(): (then: () => void) => void {
  const { port1, port2 } = new MessageChannel();
  const waiting: (() => void)[] = [];
  Object.assign(port1, { onmessage: () => waiting.shift()?.() });
  return (then) => {
    waiting.push(then);
    port2.postMessage(null);
  };
}
