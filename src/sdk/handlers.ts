// How a handler is written down: as a plain method, or by `handler` and `shared`, which add schemas
// and options. And what each kind of service accepts, as types. Services themselves are
// definition.ts.

import type { InferInput, InferOutput, Schema } from "./schema.ts";
import type { Serde } from "./serde.ts";
import type {
  Context,
  Duration,
  ObjectContext,
  Retry,
  SharedContext,
  WorkflowContext,
  WorkflowSharedContext,
} from "./types.ts";

declare const types: unique symbol;

/** What may be said of all handlers of a service, and of each. */
export interface ServiceOptions {
  readonly retry?: Retry | undefined;
  /**
   * How long a result is kept after the end; "all" until it is purged. Default: a day where it can
   * be asked for by name (idempotency key, workflow) or has failed, else among the newest ones.
   */
  readonly retention?: Duration | "all" | undefined;
  /**
   * Which requests over HTTP may invoke it; handlers and the program always may. "public": all;
   * "token": those with a token, and none where the ingress has no tokens; "private": none.
   * Default: those with a token where the ingress has tokens, else all.
   */
  readonly ingress?: "public" | "token" | "private" | undefined;
}

/** What may be said of a service as a whole. */
export interface DefinitionOptions extends ServiceOptions {
  /**
   * Names this version of the code. An engine may host several definitions of one service whose
   * revisions differ: new invocations run the first of them, running ones go on with the one they
   * began with. Default: made from the text of the handlers.
   */
  readonly revision?: string | undefined;
}

export interface HandlerOptions extends ServiceOptions {
  /** How input and output are written. Default: JSON. */
  readonly serde?: Serde | undefined;
  /** How long code of an ended attempt is given to stop before the next begins. Default 10 min. */
  readonly abortTimeout?: Duration | undefined;
  /**
   * Whether the same input is always written the same way. On replay the input of calls to this
   * handler is compared with the journal; say false for a serde of which that is not true.
   * Default true.
   */
  readonly inputStable?: boolean | undefined;
}

/**
 * A plain method. In method syntax on purpose (bivariant): an input without annotation is
 * `unknown`, an annotated one is accepted.
 */
export type Fn<C> = { bivariant(ctx: C, input: unknown): Promise<unknown> }["bivariant"];

/** What `handler` gives: I is what callers pass, O what they get. */
export interface Exclusive<C, I extends readonly unknown[], O> {
  readonly exclusive: (ctx: C, ...input: never[]) => Promise<O>;
  readonly [types]?: (...input: I) => Promise<O>;
}

/** What `shared` gives. */
export interface Shared<C, I extends readonly unknown[], O> {
  readonly shared: (ctx: C, ...input: never[]) => Promise<O>;
  readonly [types]?: (...input: I) => Promise<O>;
}

type OneInput = readonly [] | readonly [input?: unknown];
type WithInput<S, O> = HandlerOptions & {
  readonly input: S;
  readonly output?: Schema<unknown, O> | undefined;
};
type WithoutInput<O> = HandlerOptions & {
  readonly input?: undefined;
  readonly output?: Schema<unknown, O> | undefined;
};

/**
 * A handler with schemas or options. Its input is validated before it runs; a caller whose input is
 * refused gets `INPUT_INVALID`, 400.
 *
 * @example
 * rename: handler({ input: z.object({ note: z.string() }), retry: { attempts: 3 } },
 *   async (ctx, { note }) => ctx.set("note", note)),
 */
export function handler<C, S extends Schema, O>(
  options: WithInput<S, O>,
  fn: (ctx: C, input: InferOutput<S>) => Promise<O>,
): Exclusive<C, [input: InferInput<S>], O>;
export function handler<C, A extends OneInput, O>(
  options: WithoutInput<O>,
  fn: (ctx: C, ...input: A) => Promise<O>,
): Exclusive<C, A, O>;
export function handler(options: object, fn: AnyFunction): Exclusive<unknown, never, unknown> {
  return marked<Exclusive<unknown, never, unknown>>({ exclusive: fn, options });
}

/**
 * A handler of an object that runs beside others of its key, and only reads. In a workflow every
 * handler but `run` is shared as it is.
 *
 * @example
 * view: shared(async (ctx) => (await ctx.get("cart")).length),
 */
export function shared<C, A extends OneInput, O>(
  fn: (ctx: C, ...input: A) => Promise<O>,
): Shared<C, A, O>;
export function shared<C, S extends Schema, O>(
  options: WithInput<S, O>,
  fn: (ctx: C, input: InferOutput<S>) => Promise<O>,
): Shared<C, [input: InferInput<S>], O>;
export function shared<C, A extends OneInput, O>(
  options: WithoutInput<O>,
  fn: (ctx: C, ...input: A) => Promise<O>,
): Shared<C, A, O>;
export function shared(first: object, second?: AnyFunction): Shared<unknown, never, unknown> {
  const [fn, options] = second === undefined ? [first as AnyFunction, {}] : [second, first];
  return marked<Shared<unknown, never, unknown>>({ shared: fn, options });
}

type AnyFunction = (...parameters: never[]) => Promise<unknown>;

/** What a definition reads of a marked handler. */
export interface MarkedHandler {
  readonly exclusive?: AnyFunction | undefined;
  readonly shared?: AnyFunction | undefined;
  readonly options?: HandlerOptions & {
    readonly input?: Schema | undefined;
    readonly output?: Schema | undefined;
  };
}

function marked<M>(mark: MarkedHandler): M {
  if (typeof (mark.exclusive ?? mark.shared) !== "function") {
    throw new TypeError(
      "A handler is a function: handler(options, fn), shared(fn) or " + "shared(options, fn).",
    );
  }
  return Object.freeze(mark) as M;
}

type Marked = { readonly exclusive: unknown } | { readonly shared: unknown };
type SignatureOf<F> = F extends { readonly [types]?: infer G } & Marked
  ? NonNullable<G>
  : F extends (ctx: never, ...input: infer A) => Promise<infer O>
    ? (...input: A) => Promise<O>
    : never;

/** Homomorphic, so that go-to-definition and doc comments reach the handler. */
export type SignaturesOf<H> = { readonly [M in keyof H]: SignatureOf<H[M]> };

/** A handler called `then` would make every client awaitable. */
export interface Reserved {
  readonly then?: never;
  readonly toJSON?: never;
}

export interface ServiceHandlers {
  readonly [name: string]: Fn<Context> | Exclusive<Context, never, unknown>;
}

export interface ObjectHandlers<St> {
  readonly [name: string]:
    | Fn<ObjectContext<St>>
    | Exclusive<ObjectContext<St>, never, unknown>
    | Shared<SharedContext<St>, never, unknown>;
}

export type WorkflowHandlers<St, P> = {
  readonly run: Fn<WorkflowContext<St, P>> | Exclusive<WorkflowContext<St, P>, never, unknown>;
} & {
  readonly [name: string]:
    | Fn<WorkflowSharedContext<St, P>>
    | Shared<WorkflowSharedContext<St, P>, never, unknown>
    | SharedByPlace<WorkflowSharedContext<St, P>>;
};

/** What `handler` gives, in method syntax: `run`, whose context can do more, must fit as well. */
interface SharedByPlace<C> {
  exclusive(ctx: C, ...input: never[]): Promise<unknown>;
  readonly [types]?: (...input: never) => Promise<unknown>;
}

/** `implement`: every signature of the contract, as a method or marked. */
export type Implementation<S, C, SC> = {
  readonly [M in keyof S]: S[M] extends (...input: infer A) => Promise<infer O>
    ?
        | ((ctx: C, ...input: A) => Promise<O>)
        | { readonly shared: (ctx: SC, ...input: A) => Promise<O> }
        | Exclusive<C, A, O>
        | Shared<SC, A, O>
    : never;
};
