// Services that a test puts in place of others: what is called is what the test says, typed by the
// target, with the journal and everything else around it as always.
import { HoldfastError } from "../model/errors.ts";
import { define, specOf } from "../sdk/spec.ts";
import type { Callable, Context, Kind, SigOf } from "../sdk/types.ts";

/** Handlers of a target, any of them, as a test wants them: the context may be left alone. */
export type MockHandlers<D> = {
  readonly [M in keyof SigOf<D>]?: SigOf<D>[M] extends (...input: infer A) => Promise<infer O>
    ? (ctx: Context, ...input: A) => O | Promise<O>
    : never;
};

/**
 * A service in place of `target`, which may be a definition, a `ref` or a `contract`. A handler that
 * is not given fails with `HANDLER_NOT_MOCKED`, which ends the call.
 *
 * @example
 * const charged: number[] = [];
 * const engine = await TestEngine.open({
 *   services: [orders, mock(payments, { charge: (_ctx, amount) => `receipt ${charged.push(amount)}` })],
 * });
 */
export function mock<D extends Callable>(target: D, handlers: MockHandlers<D>): D {
  const { kind, name } = target;
  const given = handlers as Readonly<Record<string, (ctx: unknown, input: unknown) => unknown>>;
  const spec = specOf(target);
  const names = new Set([...Object.keys(handlers), ...(spec?.handlers.keys() ?? [])]);
  // A workflow has a run, whether the test wants it or not.
  if (kind === "workflow") names.add("run");
  const made: Record<string, unknown> = {};
  for (const handler of names) {
    const fn = async (ctx: unknown, input: unknown): Promise<unknown> => {
      const mocked = given[handler];
      if (mocked !== undefined) return mocked(ctx, input);
      throw new HoldfastError("HANDLER_NOT_MOCKED", { data: { service: name, handler } });
    };
    const { mode, input, output, serde } = spec?.handlers.get(handler) ?? {};
    const options = { input, output, serde };
    made[handler] =
      mode === "shared" && kind === "object" ? { shared: fn, options } : { exclusive: fn, options };
  }
  return define(kind as Kind, name, spec?.options ?? {}, made) as unknown as D;
}
