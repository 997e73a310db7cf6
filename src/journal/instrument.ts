// Definitions as a test watches them: the same handlers behind a context that tells who asked what,
// where in the code, and lets the test stand between a step and its body. What an engine is given is
// a copy; the definitions themselves stay as they are. Awaits are seen by the `constructor` that
// every native way of looking at a promise reads first, so that no promise is replaced.
import type { CommandIndex } from "../model/entry.ts";
import type { RunningAttempt } from "../sdk/attempt-host.ts";
import { type DefinitionSpec, type HandlerSpec, specOf } from "../sdk/definition.ts";
import type { Callable, Step } from "../sdk/types.ts";
import { Caller } from "./source-line.ts";

/** Something a handler asked of its context. */
export interface Asked {
  /** The method: run, sleep, call, …. */
  readonly method: string;
  /** Number of the first command it asks. */
  readonly index: CommandIndex;
  readonly at: Caller;
  /** Whether somebody has looked at the promise it gave; true where it gave none. */
  looked: boolean;
}

/** Who watches one attempt. */
export interface Watcher {
  asked(asked: Asked): void;
  /** Stands between a step and its body. */
  body(asked: Asked, name: string, step: Step, action: () => unknown): unknown;
  /** The handler has returned or thrown. */
  ended(): void;
}

export type Watch = (attempt: RunningAttempt) => Watcher;

type Method = (...all: unknown[]) => unknown;

const specSymbol: symbol = Symbol.for("holdfast.definition");

/** The same definition, watched. */
export function instrumented(definition: Callable, watch: Watch): Callable {
  return rewritten(definition, (fn) => watchedHandler(fn, watch));
}

/** Stands between a step and its body. */
export type BodyOf = (
  attempt: RunningAttempt,
  name: string,
  step: Step,
  action: () => unknown,
) => unknown;

/** The same definition, of which only the bodies of steps are watched. */
export function instrumentedSteps(definition: Callable, body: BodyOf): Callable {
  return rewritten(definition, (fn) => (context, input) => {
    const { attempt } = context as { readonly attempt: RunningAttempt };
    const watched = bound(context as object, (method, ask) => {
      if (method !== "run") return ask;
      return (name, action, ...rest) => {
        if (typeof action !== "function") return ask(name, action, ...rest);
        const run = (step: Step): unknown =>
          body(attempt, name as string, step, () => (action as Method)(step));
        return ask(name, run, ...rest);
      };
    });
    return fn(watched, input);
  });
}

function rewritten(
  definition: Callable,
  rewrite: (fn: HandlerSpec["fn"]) => HandlerSpec["fn"],
): Callable {
  const spec = specOf(definition);
  if (spec === undefined) return definition;
  const handlers = new Map<string, HandlerSpec>();
  for (const [name, handler] of spec.handlers) {
    handlers.set(name, { ...handler, fn: rewrite(handler.fn) });
  }
  const copy: DefinitionSpec = { ...spec, handlers };
  const { kind, name } = definition;
  return Object.defineProperty({ kind, name }, specSymbol, { value: copy });
}

function watchedHandler(fn: HandlerSpec["fn"], watch: Watch): HandlerSpec["fn"] {
  return (context, input) => {
    const { attempt } = context as { readonly attempt: RunningAttempt };
    const watcher = watch(attempt);
    const returned = Promise.resolve(fn(new Watching(attempt, watcher).context(context), input));
    return returned.finally(() => watcher.ended());
  };
}

class Watching {
  readonly #attempt: RunningAttempt;
  readonly #watcher: Watcher;

  constructor(attempt: RunningAttempt, watcher: Watcher) {
    this.#attempt = attempt;
    this.#watcher = watcher;
  }

  context(context: unknown): object {
    return bound(context as object, (name, method) => (...args) => {
      switch (name) {
        case "request":
          return method(...args);
        case "call":
        case "send":
        case "sendDelayed":
          // The command is asked by the method of what this gives.
          return this.#methods(name, method(...args) as object);
        case "promise":
          return this.#promise(method(...args) as object, new Caller());
        case "run":
          return this.#run(method, args);
        default:
          return this.#tell(name, new Caller(), () => method(...args));
      }
    });
  }

  #methods(verb: string, methods: object): object {
    return bound(methods, (_, method) => (input) => {
      const given = this.#tell(verb, new Caller(), () => method(input));
      return verb === "call" ? given : this.#handle(given as object);
    });
  }

  /** What `send` gives: its methods are commands. */
  #handle(handle: object): object {
    return bound(handle, (name, method) => () => this.#tell(name, new Caller(), () => method()));
  }

  /** A durable promise asks when it is awaited, which no line of code is seen to do. */
  #promise(promise: object, at: Caller): object {
    return bound(promise, (name, method) => (...args) => {
      return this.#tell(`promise.${name}`, at, () => method(...args));
    });
  }

  #run(method: Method, args: unknown[]): unknown {
    const [name, action, ...rest] = args;
    if (typeof action !== "function") return method(...args);
    const asked = this.#asked("run", new Caller());
    const watched = (step: Step): unknown =>
      this.#watcher.body(asked, name as string, step, () => (action as Method)(step));
    return this.#look(asked, method(name, watched, ...rest));
  }

  #tell(method: string, at: Caller, ask: () => unknown): unknown {
    const asked = this.#asked(method, at);
    return this.#look(asked, ask());
  }

  #asked(method: string, at: Caller): Asked {
    const asked: Asked = { method, index: this.#attempt.nextIndex, at, looked: true };
    this.#watcher.asked(asked);
    return asked;
  }

  #look(asked: Asked, given: unknown): unknown {
    if (!(given instanceof Promise)) return given;
    asked.looked = false;
    return Object.defineProperty(given, "constructor", {
      configurable: true,
      get: () => {
        asked.looked = true;
        return Promise;
      },
    });
  }
}

/** `target` with its methods replaced; what is no method, and symbols, stay as they are. */
function bound(target: object, replace: (name: string, method: Method) => Method): object {
  return new Proxy(target, {
    get(_, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function" || typeof name !== "string") return value;
      return replace(name, (...args) => Reflect.apply(value, target, args));
    },
  });
}
