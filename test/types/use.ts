// What must compile, and infer what a reader expects. Checked by the compiler, never run. What must
// not compile is refuse.ts.

import { z } from "zod";
import {
  handler,
  object,
  promise,
  ref,
  service,
  shared,
  workflow,
} from "../../src/sdk/definition.ts";
import type {
  Call,
  Client,
  Context,
  Invocation,
  ObjectContext,
  SharedContext,
  Untyped,
} from "../../src/sdk/types.ts";

type Eq<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const is = <T extends true>(): T | void => {};

export const ticketService = service("TicketService", {
  async reserve(ctx, ticketId: string): Promise<boolean> {
    is<Eq<typeof ctx, Context>>();
    return ctx.run(
      "reserve",
      ({ signal, idempotencyKey, attempt }) => {
        is<Eq<typeof signal, AbortSignal>>();
        return idempotencyKey.length > attempt && ticketId.length > 0;
      },
      { timeout: "5s", retry: { attempts: 3, delay: { milliseconds: 50 }, onExhausted: "fail" } },
    );
  },
  async release(_ctx, _ticketId: string) {},
  async list(_ctx) {
    return ["a"];
  },
});

const empty = { cart: [] as string[], note: null as string | null };

export const cart = object(
  "Cart",
  { state: empty },
  {
    async addTicket(ctx, ticketId: string): Promise<boolean> {
      const reserving = ctx.call(ticketService).reserve(ticketId);
      is<Eq<typeof reserving, Call<boolean>>>();
      const reserved = await reserving;
      if (reserved) {
        const c = await ctx.get("cart");
        is<Eq<typeof c, string[]>>();
        ctx.set("cart", [...c, ticketId]);
        ctx.send(cart, ctx.key, { delay: "15m" }).expireTicket(ticketId);
        ctx.sendDelayed(cart, ctx.key, "15m").expireTicket(ticketId);
        ctx.sendDelayed(ticketService, { minutes: 15 }, { headers: { a: "b" } }).release(ticketId);
      }
      return reserved;
    },
    async expireTicket(ctx, ticketId: string) {
      await ctx.call(ticketService).release(ticketId);
      ctx.clear("note");
      ctx.clearAll();
    },
    view: shared(async (ctx) => {
      const c = await ctx.get("cart");
      is<Eq<typeof c, string[]>>();
      return c.length;
    }),
    find: shared({ input: z.object({ text: z.string() }) }, async (ctx, { text }) => {
      return (await ctx.get("cart")).filter((id) => id.includes(text));
    }),
    count: shared({ retention: "1h", output: z.number() }, async (ctx, factor: number) => {
      return (await ctx.get("cart")).length * factor;
    }),
    rename: handler(
      { input: z.object({ note: z.string() }), retry: { attempts: 3 } },
      async (ctx, { note }) => {
        ctx.set("note", note);
        return note.length;
      },
    ),
    numbered: handler({ input: z.string().transform(Number) }, async (ctx, n) => {
      is<Eq<typeof n, number>>();
      return ctx.key + n;
    }),
    slow: handler(
      { abortTimeout: "1m", retention: "all", inputStable: false },
      async (ctx, by: number) => ctx.date.now() + ctx.rand.random() + by,
    ),
    // Without an annotation an input is unknown, not any and not never.
    async loose(_ctx, input) {
      is<Eq<typeof input, unknown>>();
    },
  },
);

// State that was not declared: any name, and a type where it is read.
export const untyped = object("Untyped", {
  async add(ctx, ticketId: string) {
    is<Eq<typeof ctx, ObjectContext<Untyped>>>();
    const tickets = (await ctx.get<string[]>("tickets")) ?? [];
    is<Eq<typeof tickets, string[]>>();
    const other = await ctx.get("other");
    is<Eq<typeof other, unknown>>();
    ctx.set("tickets", [...tickets, ticketId]);
    ctx.clear("other");
  },
  read: shared(async (ctx) => {
    is<Eq<typeof ctx, SharedContext<Untyped>>>();
    return ctx.get<string[]>("tickets");
  }),
});

export const signup = workflow(
  "Signup",
  { promises: { verified: promise<string>() } },
  {
    async run(ctx, email: string) {
      const code = await ctx.promise("verified");
      is<Eq<typeof code, string>>();
      ctx.set("x", 1);
      return email + code;
    },
    async verify(ctx, code: string) {
      ctx.promise("verified").resolve(code);
      const peeked = await ctx.promise("verified").peek();
      is<Eq<typeof peeked, string | undefined>>();
    },
  },
);

export const loose = workflow("Loose", {
  async run(ctx) {
    return ctx.promise<number>("any");
  },
  async settle(ctx, n: number) {
    ctx.promise<number>("any").resolve(n);
  },
});

export const everything = service("Everything", {
  async handle(ctx) {
    const { id, promise: approved } = ctx.awakeable<boolean>();
    ctx.resolveAwakeable(id, true);
    ctx.rejectAwakeable(id, "no");
    const decision: "ship" | "hold" = await ctx.signal<"ship" | "hold">("decision");
    ctx.sendSignal(ctx.id, "decision", decision);
    const sent: Invocation<boolean> = ctx.send(ticketService).reserve("a");
    ctx.cancel(sent);
    ctx.cancel(sent.id);
    const attached = await ctx.attach(sent);
    is<Eq<typeof attached, boolean>>();
    const byId = await ctx.attach<number>("inv_1…");
    is<Eq<typeof byId, number>>();
    ctx.console.log(ctx.request().headers["x"], ctx.rand.uuid(), ctx.abort.aborted);
    const all = await Promise.all([ctx.sleep("1s"), ctx.timeout(approved, "PT10M")]);
    is<Eq<typeof all, [void, boolean]>>();
    return ctx.run("now", () => Date.now());
  },
});

declare const client: Client;
const r1 = await client.call(cart, "u").addTicket("x");
is<Eq<typeof r1, boolean>>();
const r2 = await client.call(cart, "u").view();
is<Eq<typeof r2, number>>();
const r3 = await client.call(cart, "u").rename({ note: "x" });
is<Eq<typeof r3, number>>();
const r4 = await client.call(cart, "u").numbered("5");
is<Eq<typeof r4, string>>();
const r5 = await client.call(signup, "u").run("x@y");
is<Eq<typeof r5, string>>();
const r6 = await client.send(signup, "u").run("x@y");
is<Eq<ReturnType<typeof r6.result>, Promise<string>>>();
const r8 = await client.call(cart, "u").find({ text: "x" });
is<Eq<typeof r8, string[]>>();
const r9 = await client.call(cart, "u").count(2);
is<Eq<typeof r9, number>>();
const r10 = client.workflow(signup, "u");
is<Eq<typeof r10, Invocation<string>>>();
const r11 = await client.call(untyped, "u").read();
is<Eq<typeof r11, string[] | null>>();
await client.call(ticketService, { idempotencyKey: "1" }).reserve("x");
await client.call(cart, "u", { signal: AbortSignal.timeout(1) }).loose({ any: "thing" });
await client.send(cart, "u", { delay: new Date() }).addTicket("x");

const Cart = ref<typeof cart>("object", "Cart");
const r7 = await client.call(Cart, "u").addTicket("x");
is<Eq<typeof r7, boolean>>();

// Functions over contexts keep their types.
async function remaining(ctx: SharedContext<{ cart: string[] }>): Promise<number> {
  return (await ctx.get("cart")).length;
}
export const helped = object(
  "Helped",
  { state: { cart: [] as string[] } },
  {
    async exclusive(ctx) {
      return remaining(ctx);
    },
    shared: shared(async (ctx) => remaining(ctx)),
  },
);

/** `handler` in a workflow: `run` has what only it can, the others the shared context. */
export const approval = workflow(
  "Approval",
  { state: { asked: 0 }, promises: { approved: promise<boolean>() } },
  {
    run: handler({ input: z.string() }, async (ctx, name): Promise<string> => {
      ctx.set("asked", (await ctx.get("asked")) + 1);
      return `${name} ${await ctx.promise("approved")}`;
    }),
    answer: handler({ input: z.boolean() }, async (ctx, yes) => {
      ctx.promise("approved").resolve(yes);
      return ctx.get("asked");
    }),
  },
);
