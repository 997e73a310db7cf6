// What must not compile. Each line below a directive is a mistake somebody will make; a directive
// without an error is itself one. Checked by the compiler, never run.

import { z } from "zod";
import {
  contract,
  handler,
  implement,
  object,
  promise,
  ref,
  service,
  shared,
  workflow,
} from "../../src/sdk/definition.ts";
import type { Client, Context, Duration } from "../../src/sdk/types.ts";
import { cart, signup, ticketService } from "./use.ts";

declare const client: Client;
declare const ctx: Context;

// @ts-expect-error: `note` is a string
await client.call(cart, "u").rename({ note: 1 });
// @ts-expect-error: an object is addressed by a key
await client.call(cart).view();
// @ts-expect-error: a service has no key
await client.call(ticketService, "key").list();
// @ts-expect-error: no such handler
await client.call(cart, "u").nope();
// @ts-expect-error: `addTicket` takes one input
await client.call(cart, "u").addTicket("a", "b");
// @ts-expect-error: it takes a string
await client.call(cart, "u").addTicket(42);
// @ts-expect-error: a call starts at once
await client.call(cart, "u", { delay: "1s" }).view();
// @ts-expect-error: the definition is called "Cart"
ref<typeof cart>("object", "Carts");
// @ts-expect-error: and is an object
ref<typeof cart>("service", "Cart");
// @ts-expect-error: only workflows have runs
client.workflow(cart, "u");
// @ts-expect-error: `run` takes an email
await client.call(signup, "u").run();
// @ts-expect-error: sendDelayed needs its delay
ctx.sendDelayed(cart, "u").addTicket("x");
// @ts-expect-error: what a send gives is no promise of a result
const sent: Promise<boolean> = ctx.send(cart, "u").addTicket("x");
// @ts-expect-error: "15 minutes" is no duration
await ctx.sleep("15 minutes");
// @ts-expect-error: nor is a unit we do not know
const unknownUnit: Duration = { weeks: 1 };

export const state = object(
  "State",
  { state: { n: 0 } },
  {
    async write(ctx) {
      // @ts-expect-error: `n` is a number
      ctx.set("n", "1");
      // @ts-expect-error: there is no `m`
      ctx.set("m", 1);
      // @ts-expect-error: there is no `m` to read either
      await ctx.get("m");
      // @ts-expect-error: `n` has an initial value, so there is nothing to ask for by type
      await ctx.get<string>("n");
    },
    read: shared(async (ctx) => {
      // @ts-expect-error: shared handlers cannot write
      ctx.set("n", 1);
      return ctx.get("n");
    }),
  },
);

export const flow = workflow(
  "Flow",
  { promises: { verified: promise<string>() } },
  {
    async run(ctx) {
      // @ts-expect-error: there is no promise of that name
      await ctx.promise("verifed");
    },
    async verify(ctx) {
      // @ts-expect-error: it is a promise of a string
      ctx.promise("verified").resolve(1);
      // @ts-expect-error: beside `run`, handlers only read
      ctx.set("x", 1);
    },
  },
);

export const past = service("Past", {
  async one(_ctx) {
    // @ts-expect-error: a call past the journal
    await this.two();
  },
  async two(_ctx) {},
});

// @ts-expect-error: a client with `then` would be taken for a promise
export const thenable = service("Thenable", { async then(_ctx) {} });
// @ts-expect-error: a workflow without `run`
export const runless = workflow("Runless", { async other(_ctx) {} });
// @ts-expect-error: a service has no key to share
export const sharing = service("Sharing", { view: shared(async (ctx) => ctx.get("x")) });
// @ts-expect-error: a handler gives a promise
export const sync = service("Sync", { now: (_ctx) => 1 });
// @ts-expect-error: a handler has one input
export const two = service("Two", { async both(_ctx, _a: string, _b: string) {} });

export const schemas = object("Schemas", {
  // @ts-expect-error: the schema says string, the handler takes a number
  input: handler({ input: z.string() }, async (_ctx, _n: number) => {}),
  // @ts-expect-error: the schema says number, the handler gives a string
  output: handler({ output: z.number() }, async (_ctx) => "1"),
});

const Counter = contract<{ add(by: number): Promise<number>; get(): Promise<number> }>(
  "object",
  "Counter",
);
implement(
  Counter,
  {},
  // @ts-expect-error: `get` is missing
  {
    async add(_ctx, by) {
      return by;
    },
  },
);
implement(
  Counter,
  {},
  {
    // @ts-expect-error: `add` takes a number
    async add(_ctx, by: string) {
      return by.length;
    },
    async get() {
      return 0;
    },
  },
);
// @ts-expect-error: contract functions give promises
contract<{ add(by: number): number }>("object", "Counter");

export { sent, unknownUnit };

workflow("OnlyRun", {
  async run() {},
  // @ts-expect-error: handlers beside `run` only read state
  other: handler({ input: z.string() }, async (ctx, name) => ctx.set("name", name)),
});
