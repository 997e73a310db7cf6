// The platform on Node. Timers are captured when this is loaded, so that a test's fake timers do not
// stop the engine. None of them keeps the process running: an open engine does (`keepAlive`).
import { AsyncLocalStorage } from "node:async_hooks";
import { randomFillSync } from "node:crypto";
import { format } from "node:util";
import type { EngineHost } from "./engine/engine-host.ts";
import { canonicalPath, fileStorage } from "./file-storage.ts";
import { watchRejections } from "./local/rejections.ts";
import type { OpenTelemetry } from "./otel/api.ts";
import type { OnVisitor, Owner, Platform } from "./platform.ts";

const { setTimeout, clearTimeout, setInterval, clearInterval, setImmediate } = globalThis;
/** By it all copies of OpenTelemetry's API find what is registered; its number is that of the API. */
const registered = Symbol.for("opentelemetry.js.api.1");
/** Not as a literal: a bundler would want it to be there. */
const apiName: string = "@opentelemetry/api";
const owners = new AsyncLocalStorage<Owner | undefined>();

export const platform: Platform = {
  // What is asked for while a handler's code runs serves them all and belongs to none: what it makes
  // would else hold on to that handler for good, and be taken for its work.
  clock: {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    after(ms, then) {
      const timer = owners.run(undefined, () => setTimeout(then, ms));
      timer.unref();
      return { cancel: () => clearTimeout(timer) };
    },
    nextTurn: (then) => owners.run(undefined, () => void setImmediate(then)),
  },
  randomBytes: (length) => randomFillSync(new Uint8Array(length)),
  context: {
    run: (owner, code) => owners.run(owner, code),
    owner: () => owners.getStore(),
  },
  watchRejections: () => watchRejections(() => owners.getStore()),
  opentelemetry() {
    // Where this is not, no SDK has been registered, and there is nobody to tell.
    if (!(registered in globalThis)) return undefined;
    const loading = import(/* webpackIgnore: true */ apiName) as Promise<OpenTelemetry>;
    return loading.catch(() => undefined);
  },
  keepAlive() {
    const timer = setInterval(() => {}, 1 << 30);
    return () => clearInterval(timer);
  },
  fileStorage,
  visitors(host, data) {
    let serving: Promise<OnVisitor> | undefined;
    return (visitor) => {
      // Only now: an engine that nobody visits loads no server.
      serving ??= import("./visitors.ts").then(({ visitorsOf }) =>
        visitorsOf(host as EngineHost, data),
      );
      serving.then(
        (serve) => serve(visitor),
        () => visitor.destroy(),
      );
    };
  },
  canonicalPath,
  format: (args) => format(...args),
  warn: (line) => process.stderr.write(`${line}\n`),
};
