// Whom programs and clients call: the doors to programs, and a list and a sink whose state the
// oracles read.
import { object, shared } from "../src/index.ts";
import type { Callable } from "../src/sdk/types.ts";
import type { Told } from "./ledger.ts";
import type { Step } from "./step.ts";

/** Which code runs: 0 and 1 do the same in other words, 2 asks one thing more. */
export type Revision = 0 | 1 | 2;

export interface Input {
  readonly op: string;
  readonly program: Step;
  /** Whether other code does other things with it. */
  readonly touchy: boolean;
}

export const list = object("List", {
  async append(ctx, value: string): Promise<readonly string[]> {
    const values = [...((await ctx.get<readonly string[]>("values")) ?? []), value];
    ctx.set("values", values);
    return values;
  },
  read: shared(async (ctx): Promise<readonly string[]> => (await ctx.get("values")) ?? []),
});

export const sink = object("Sink", {
  async take(ctx, { id, due }: { id: string; due: number }): Promise<void> {
    ctx.set("taken", [...((await ctx.get<string[]>("taken")) ?? []), id]);
    const early = ctx.date.now() < due;
    if (early) ctx.set("early", [...((await ctx.get<string[]>("early")) ?? []), id]);
  },
  read: shared(
    async (ctx): Promise<{ taken: string[]; early: string[] }> => ({
      taken: (await ctx.get("taken")) ?? [],
      early: (await ctx.get("early")) ?? [],
    }),
  ),
});

export const edited = object("Edited", {
  read: shared(async (ctx): Promise<unknown> => ctx.get("value")),
});

export interface Targets {
  readonly plain: Callable<"service", { go(input: Input): Promise<Told> }>;
  readonly keyed: Callable<"object", { go(input: Input): Promise<Told> }>;
  readonly flow: Callable<
    "workflow",
    {
      run(input: Input): Promise<Told>;
      settle(input: { name: string; by: string }): Promise<void>;
      peek(name: string): Promise<unknown>;
    }
  >;
  readonly edited: typeof edited;
  readonly all: readonly Callable[];
}
