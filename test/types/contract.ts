// Contract first: signatures written down once, implemented with their types, called by whoever has
// the contract. A self-call needs no return type here.

import { contract, handler, implement, shared } from "../../src/sdk/definition.ts";
import type { Client } from "../../src/sdk/types.ts";

export const Counter = contract<{
  inc(by: number): Promise<number>;
  get(): Promise<number>;
  peek(): Promise<number>;
  reset(to: number): Promise<void>;
}>("object", "Counter");

export const counter = implement(
  Counter,
  { state: { n: 0 } },
  {
    async inc(ctx, by) {
      const n = await ctx.call(Counter, ctx.key).get();
      ctx.set("n", n + by);
      return n;
    },
    async get(ctx) {
      return ctx.get("n");
    },
    peek: shared(async (ctx) => ctx.get("n")),
    reset: handler({ retry: { attempts: 1 } }, async (ctx, to: number) => ctx.set("n", to)),
  },
);

declare const client: Client;
const n: number = await client.call(Counter, "k").inc(1);
const m: number = await client.call(counter, "k").peek();
// @ts-expect-error: `inc` takes a number
await client.call(Counter, "k").inc("1");

export { m, n };
