// service(), object(), workflow(): what a program offers, and the types its callers infer from it.
// And without the code: ref(), contract() and implement(). A definition is a frozen name; what an
// engine reads of it is behind a symbol, see spec.ts.

import type {
  DefinitionOptions,
  Implementation,
  ObjectHandlers,
  Reserved,
  ServiceHandlers,
  SignaturesOf,
  WorkflowHandlers,
} from "./handlers.ts";
import { checkName } from "./name.ts";
import { define } from "./spec.ts";
import type {
  Callable,
  Definition,
  Kind,
  ObjectContext,
  SharedContext,
  Signature,
  SigOf,
  Untyped,
} from "./types.ts";

export { handler, shared } from "./handlers.ts";
export type { DefinitionSpec, HandlerSpec } from "./spec.ts";
export { specOf } from "./spec.ts";

export interface ObjectOptions<St> extends DefinitionOptions {
  /** Initial values. Their types are the state's types, and `get` then never answers null. */
  readonly state?: St;
}

export interface WorkflowOptions<St, P> extends ObjectOptions<St> {
  /** The durable promises: `{ verified: promise<string>() }`. */
  readonly promises?: P;
}

// ThisType<void>: `this.other(ctx)`, a call past the journal, does not compile.
type Handlers<H> = H & ThisType<void> & Reserved;

/**
 * A named set of handlers without key or state.
 *
 * @throws HoldfastError `NAME_INVALID`.
 * @example
 * const ticketService = service("TicketService", {
 *   async reserve(ctx, ticketId: string): Promise<boolean> {
 *     return ctx.run("reserve", () => tickets.reserve(ticketId));
 *   },
 * });
 */
export function service<const N extends string, H extends ServiceHandlers>(
  name: N,
  handlers: Handlers<H>,
): Definition<"service", N, SignaturesOf<H>>;
export function service<const N extends string, H extends ServiceHandlers>(
  name: N,
  options: DefinitionOptions,
  handlers: Handlers<H>,
): Definition<"service", N, SignaturesOf<H>>;
export function service(
  name: string,
  ...rest: readonly object[]
): Definition<"service", never, never> {
  return defined("service", name, rest);
}

/**
 * A virtual object: handlers with a key. Each key has its own state, and runs one exclusive handler
 * at a time, in order of arrival; shared handlers run beside it.
 *
 * @throws HoldfastError `NAME_INVALID`, `VALUE_NOT_SERIALIZABLE` for an initial value.
 * @example
 * const counter = object("Counter", { state: { n: 0 } }, {
 *   async add(ctx, by: number) { ctx.set("n", (await ctx.get("n")) + by); },
 *   get: shared(async (ctx) => ctx.get("n")),
 * });
 */
export function object<const N extends string, H extends ObjectHandlers<Untyped>>(
  name: N,
  handlers: Handlers<H>,
): Definition<"object", N, SignaturesOf<H>>;
export function object<const N extends string, H extends ObjectHandlers<St>, St = Untyped>(
  name: N,
  options: ObjectOptions<St>,
  handlers: Handlers<H>,
): Definition<"object", N, SignaturesOf<H>>;
export function object(
  name: string,
  ...rest: readonly object[]
): Definition<"object", never, never> {
  return defined("object", name, rest);
}

/**
 * A workflow: `run` executes once per key; the other handlers run beside it and reach it through
 * durable promises.
 *
 * @throws HoldfastError `NAME_INVALID`, `VALUE_NOT_SERIALIZABLE` for an initial value.
 * @example
 * const signup = workflow("Signup", { promises: { verified: promise<string>() } }, {
 *   async run(ctx, email: string) { return `${email} ${await ctx.promise("verified")}`; },
 *   async verify(ctx, code: string) { ctx.promise("verified").resolve(code); },
 * });
 */
export function workflow<const N extends string, H extends WorkflowHandlers<Untyped, Untyped>>(
  name: N,
  handlers: Handlers<H>,
): Definition<"workflow", N, SignaturesOf<H>>;
export function workflow<
  const N extends string,
  H extends WorkflowHandlers<St, P>,
  St = Untyped,
  P = Untyped,
>(
  name: N,
  options: WorkflowOptions<St, P>,
  handlers: Handlers<H>,
): Definition<"workflow", N, SignaturesOf<H>>;
export function workflow(
  name: string,
  ...rest: readonly object[]
): Definition<"workflow", never, never> {
  return defined("workflow", name, rest);
}

/** Declares the type of a durable promise. It has no value: only its name is read. */
export function promise<T>(): T {
  return undefined as T;
}

type NameOf<D> = D extends { readonly name: infer N extends string } ? N : never;

/**
 * A target without its code, typed by its definition: for another app, a browser or a cycle of
 * imports, over a type-only import.
 *
 * @example
 * import type { cart } from "./cart.ts";
 * const Cart = ref<typeof cart>("object", "Cart");
 */
export function ref<D extends Callable>(
  kind: D["kind"],
  name: NameOf<D>,
): Callable<D["kind"], SigOf<D>> {
  return target(kind, name);
}

/**
 * A target whose signatures are written down first, for whoever implements it.
 *
 * @example
 * const Counter = contract<{ add(by: number): Promise<number> }>("object", "Counter");
 */
export function contract<S extends { readonly [M in keyof S]: Signature }>(
  kind: "object",
  name: string,
): Callable<"object", S> {
  return target(kind, name);
}

/** The definition that implements a contract: every handler of it, with the types it says. */
export function implement<S extends object, St = Untyped>(
  target: Callable<"object", S>,
  options: ObjectOptions<St>,
  handlers: Implementation<S, ObjectContext<St>, SharedContext<St>>,
): Definition<"object", string, S> {
  return defined("object", target.name, [options, handlers]);
}

function defined<K extends Kind>(
  kind: K,
  name: string,
  rest: readonly object[],
): Definition<K, never, never> {
  const [options, handlers] = rest.length < 2 ? [{}, rest[0]] : rest;
  return define(kind, name, options ?? {}, handlers ?? {}) as Definition<K, never, never>;
}

function target<K extends Kind, S>(kind: K, name: string): Callable<K, S> {
  checkName("service", name);
  return Object.freeze({ kind, name });
}
