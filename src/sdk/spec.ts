// What an engine reads of a definition: handlers with their mode and options, initial state already
// encoded. It is behind a registered symbol, so that a definition made with another
// copy of this package is understood. Everything is checked here, once, when the program starts.

import { durationMs, retentionMs } from "../model/duration.ts";
import type { Payload } from "../model/payload.ts";
import type { DefinitionOptions, MarkedHandler, ServiceOptions } from "./handlers.ts";
import { checkName } from "./name.ts";
import type { Schema } from "./schema.ts";
import type { Serde } from "./serde.ts";
import { jsonSerde } from "./serde.ts";
import type { Duration, Kind, Retry } from "./types.ts";

/** plain: of a service; exclusive and shared: of a key; workflow: the `run` of one. */
export type HandlerMode = "plain" | "exclusive" | "shared" | "workflow";

export interface HandlerSpec {
  readonly name: string;
  readonly mode: HandlerMode;
  /** `this` is undefined in it, however it is called. */
  readonly fn: (ctx: unknown, input: unknown) => Promise<unknown>;
  /**
   * Its text as it was written (`fn` is bound and has none): what a revision is named after where
   * the code has no name for it (R11).
   */
  readonly source: string;
  readonly input: Schema | undefined;
  readonly output: Schema | undefined;
  readonly serde: Serde | undefined;
  /** What the handler says, and where it says nothing, its service. */
  readonly retry: Retry | undefined;
  /** What the handler says, or else its service. */
  readonly retention: Duration | "all" | undefined;
  readonly abortTimeoutMs: number | undefined;
  /** Which requests over HTTP may invoke it; undefined: as the ingress has it. */
  readonly ingress: "public" | "token" | "private" | undefined;
  readonly inputStable: boolean;
  /** That of its definition. */
  readonly initialState: ReadonlyMap<string, Payload> | undefined;
}

export interface DefinitionSpec {
  readonly kind: Kind;
  readonly name: string;
  /** As they were given. What they mean for a handler is in its spec. */
  readonly options: DefinitionOptions;
  readonly handlers: ReadonlyMap<string, HandlerSpec>;
  /** Declared state with its initial values; undefined when any name may be used. */
  readonly initialState: ReadonlyMap<string, Payload> | undefined;
  /** Declared durable promises; undefined when any name may be used. */
  readonly promises: ReadonlySet<string> | undefined;
}

const specSymbol: unique symbol = Symbol.for("holdfast.definition") as never;

/** What stands behind a definition; undefined for a `ref`, a `contract` and anything else. */
export function specOf(definition: unknown): DefinitionSpec | undefined {
  if (typeof definition !== "object" || definition === null) return undefined;
  return (definition as { readonly [specSymbol]?: DefinitionSpec })[specSymbol];
}

interface Options extends DefinitionOptions {
  readonly state?: unknown;
  readonly promises?: unknown;
}

/**
 * @throws HoldfastError `NAME_INVALID`, `DURATION_INVALID`, `VALUE_NOT_SERIALIZABLE`; TypeError for
 * what is no handler.
 */
export function define(
  kind: Kind,
  name: string,
  options: Options,
  handlers: object,
): { readonly kind: Kind; readonly name: string } {
  checkName("service", name);
  checkOptions(name, options);
  if (options.revision !== undefined) checkName("revision", options.revision);
  const initialState = initialStateOf(name, options.state);
  const service = { kind, name, options, initialState };
  const specs = new Map<string, HandlerSpec>();
  for (const [handlerName, given] of Object.entries(handlers)) {
    checkName("handler", handlerName);
    specs.set(handlerName, handlerSpec(service, handlerName, given));
  }
  if (kind === "workflow" && !specs.has("run")) {
    throw new TypeError(`Workflow ${name} has no handler "run".`);
  }
  const spec: DefinitionSpec = Object.freeze({
    kind,
    name,
    options: Object.freeze({ ...options }),
    handlers: specs,
    initialState,
    promises: options.promises == null ? undefined : new Set(Object.keys(options.promises)),
  });
  const definition = { kind, name };
  Object.defineProperty(definition, specSymbol, { value: spec });
  return Object.freeze(definition);
}

interface Service {
  readonly kind: Kind;
  readonly name: string;
  readonly options: ServiceOptions;
  readonly initialState: HandlerSpec["initialState"];
}

function handlerSpec(service: Service, name: string, given: unknown): HandlerSpec {
  const where = `${service.name}/${name}`;
  const { fn, marked } = functionOf(where, given);
  const options: NonNullable<MarkedHandler["options"]> = marked?.options ?? {};
  const { input, output, serde, retention, abortTimeout } = options;
  checkOptions(where, options);
  checkSchema(where, "input", input);
  checkSchema(where, "output", output);
  return Object.freeze({
    name,
    mode: modeOf(service.kind, where, name, marked),
    fn: fn.bind(undefined) as HandlerSpec["fn"],
    source: Function.prototype.toString.call(fn),
    input,
    output,
    serde,
    retry: merged(service.options.retry, options.retry),
    retention: retention ?? service.options.retention,
    abortTimeoutMs: abortTimeout === undefined ? undefined : durationMs(abortTimeout),
    ingress: options.ingress ?? service.options.ingress,
    inputStable: options.inputStable ?? true,
    initialState: service.initialState,
  });
}

/** Field by field; one that is undefined says nothing. */
function merged(outer: Retry | undefined, inner: Retry | undefined): Retry | undefined {
  if (outer === undefined || inner === undefined) return inner ?? outer;
  const said = Object.entries(inner).filter(([, value]) => value !== undefined);
  return { ...outer, ...Object.fromEntries(said) };
}

/** When the program starts, not when the first failure is to be retried. */
function checkOptions(where: string, { retry, retention }: ServiceOptions): void {
  if (retention !== undefined) retentionMs(retention);
  if (retry === undefined) return;
  const { attempts = 1, factor = 1, onExhausted = "fail" } = retry;
  if (!(attempts >= 1) || !(Number.isInteger(attempts) || attempts === Infinity)) {
    throw new TypeError(`retry.attempts of ${where} is ${attempts}: give a whole number from 1.`);
  }
  if (!(factor >= 1 && factor <= 1000)) {
    throw new TypeError(`retry.factor of ${where} is ${factor}: give a number from 1 to 1000.`);
  }
  if (onExhausted !== "pause" && onExhausted !== "fail") {
    throw new TypeError(
      `retry.onExhausted of ${where} is ${String(onExhausted)}: give "pause" or "fail".`,
    );
  }
  for (const duration of [retry.duration, retry.delay, retry.maxDelay]) durationMs(duration ?? 0);
}

type Found = { readonly fn: (...all: never[]) => unknown; readonly marked?: MarkedHandler };

function functionOf(where: string, given: unknown): Found {
  if (typeof given === "function") return { fn: given as Found["fn"] };
  if (typeof given === "object" && given !== null) {
    const marked = given as MarkedHandler;
    const fn = marked.exclusive ?? marked.shared;
    if (typeof fn === "function") return { fn, marked };
  }
  throw new TypeError(`${where} is no handler: give a method, handler(…) or shared(…).`);
}

function modeOf(
  kind: Kind,
  where: string,
  name: string,
  marked: MarkedHandler | undefined,
): HandlerMode {
  const shared = marked?.shared !== undefined;
  switch (kind) {
    case "service":
      if (shared) throw new TypeError(`${where} is shared, but a service has no key to share.`);
      return "plain";
    case "object":
      return shared ? "shared" : "exclusive";
    case "workflow":
      if (name !== "run") return "shared";
      if (shared) throw new TypeError(`${where} runs once per key and cannot be shared.`);
      return "workflow";
  }
}

function checkSchema(where: string, side: string, schema: Schema | undefined): void {
  if (schema === undefined) return;
  // Some libraries' schemas are functions.
  const standard = (schema as { readonly "~standard"?: { readonly validate?: unknown } })?.[
    "~standard"
  ];
  if (typeof standard?.validate === "function") return;
  throw new TypeError(
    `The ${side} of ${where} is no schema: give one of a library that implements ` +
      `Standard Schema, such as zod, valibot or arktype.`,
  );
}

/** Encoded once: every reader then gets a copy of its own, as with values that were set (R5). */
function initialStateOf(name: string, state: unknown): ReadonlyMap<string, Payload> | undefined {
  if (state === undefined) return undefined;
  if (typeof state !== "object" || state === null) {
    throw new TypeError(`The state of ${name} is no object of initial values.`);
  }
  return new Map(Object.entries(state).map(([key, value]) => [key, jsonSerde.encode(value)]));
}
