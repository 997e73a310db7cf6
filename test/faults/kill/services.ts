// The handlers that are killed. Each tells the log what it does outside, and keeps in its state
// what a checker can judge: lists whose versions must be prefixes, what arrived and how often.
import { type Context, handler, object, promise, service, shared, workflow } from "holdfast";
import type { Log } from "./log.ts";

let log: Log;
let life = 0;
let serial = 0;

export function attach(to: Log, ofLife: number): void {
  log = to;
  life = ofLife;
}

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

type Seen = Readonly<Record<string, string>>;

/** A step with an effect outside. Its result names this one execution; some executions fail. */
function step(ctx: Context, name: string, seen: Seen = {}): Promise<string> {
  const inv = ctx.id;
  const body = async (): Promise<string> => {
    const token = `${life}:${++serial}`;
    log.write({ k: "step", inv, name, token, seen });
    if (serial % 3 === 0) await turn();
    if (serial % 11 !== 5) return token;
    log.write({ k: "failed", inv, name });
    throw new Error("on purpose");
  };
  return ctx.run(name, body, { retry: { delay: 2, maxDelay: 20 } });
}

export const list = object(
  "List",
  { state: { values: [] as string[] } },
  {
    async append(ctx, value: string): Promise<string[]> {
      const { id: inv, key } = ctx;
      const values = await ctx.get("values");
      await ctx.run("alone", async () => {
        log.write({ k: "enter", inv, key });
        await turn();
        log.write({ k: "exit", inv, key });
      });
      const next = [...values, value];
      ctx.set("values", next);
      return next;
    },
    read: shared(async (ctx): Promise<string[]> => ctx.get("values")),
  },
);

export const sink = object(
  "Sink",
  { state: { taken: [] as string[], early: [] as string[] } },
  {
    async take(ctx, { id, due }: { id: string; due: number }): Promise<void> {
      ctx.set("taken", [...(await ctx.get("taken")), id]);
      if (ctx.date.now() < due) ctx.set("early", [...(await ctx.get("early")), id]);
    },
    read: shared(async (ctx): Promise<string[]> => ctx.get("taken")),
    early: shared(async (ctx): Promise<string[]> => ctx.get("early")),
  },
);

const free = { holder: null as string | null, log: [] as string[] };
export const ticket = object(
  "Ticket",
  { state: free },
  {
    async reserve(ctx, user: string): Promise<boolean> {
      if ((await ctx.get("holder")) !== null) return false;
      ctx.set("holder", user);
      ctx.set("log", [...(await ctx.get("log")), `+${user}`]);
      return true;
    },
    async release(ctx, user: string): Promise<void> {
      ctx.set("holder", null);
      ctx.set("log", [...(await ctx.get("log")), `-${user}`]);
    },
    read: shared(async (ctx): Promise<string[]> => ctx.get("log")),
  },
);

export const cart = object(
  "Cart",
  { state: { tickets: [] as string[] } },
  {
    async add(ctx, id: string): Promise<boolean> {
      const reserved = await ctx.call(ticket, id).reserve(ctx.key);
      if (!reserved) return false;
      ctx.set("tickets", [...(await ctx.get("tickets")), id]);
      ctx.sendDelayed(cart, ctx.key, 60).expire(id);
      return true;
    },
    async expire(ctx, id: string): Promise<void> {
      const tickets = await ctx.get("tickets");
      ctx.set(
        "tickets",
        tickets.filter((held) => held !== id),
      );
      await ctx.call(ticket, id).release(ctx.key);
    },
    read: shared(async (ctx): Promise<string[]> => ctx.get("tickets")),
  },
);

export interface Told {
  readonly inv: string;
  readonly seen: Seen;
}

export const worker = service("Worker", {
  async steps(ctx, _op: string): Promise<Told> {
    const a = await step(ctx, "a");
    await ctx.sleep(15);
    const [b, c] = await Promise.all([step(ctx, "b", { a }), step(ctx, "c", { a })]);
    const d = await step(ctx, "d", { a, b, c });
    return { inv: ctx.id, seen: { a, b, c, d } };
  },
  async pay(ctx, _op: string): Promise<Told> {
    const charge = await step(ctx, "charge");
    return { inv: ctx.id, seen: { charge } };
  },
  async fan(ctx, op: string): Promise<Told> {
    const first = await step(ctx, "first");
    const key = `${op.length % 3}`;
    const now = ctx.date.now();
    ctx.send(sink, key).take({ id: `${op}/now`, due: 0 });
    ctx.sendDelayed(sink, key, 70).take({ id: `${op}/later`, due: now + 70 });
    await ctx.call(sink, key).take({ id: `${op}/call`, due: 0 });
    const last = await step(ctx, "last", { first });
    return { inv: ctx.id, seen: { first, last } };
  },
  async approve(ctx, op: string): Promise<unknown> {
    const { id, promise: approved } = ctx.awakeable();
    await ctx.run("publish", () => log.write({ k: "awakeable", op, id }));
    return approved;
  },
  flaky: handler({ retry: { delay: 2, maxDelay: 20 } }, async (ctx: Context, _op: string) => {
    const a = await step(ctx, "a");
    if (ctx.request().attempt < 3) throw new Error("on purpose");
    const b = await step(ctx, "b", { a });
    return { inv: ctx.id, seen: { a, b } };
  }),
  async poison(ctx, op: string): Promise<void> {
    await ctx.run("kill", () => {
      log.write({ k: "event", what: `poison ${op}` });
      process.kill(process.pid, "SIGKILL");
      return new Promise<void>(() => {});
    });
  },
});

export const flow = workflow(
  "Flow",
  { promises: { go: promise<string>() } },
  {
    async run(ctx, _op: string): Promise<unknown> {
      const a = await step(ctx, "a");
      const value = await ctx.promise("go");
      const b = await step(ctx, "b", { a });
      return { inv: ctx.id, seen: { a, b }, value };
    },
    async go(ctx, value: string): Promise<void> {
      ctx.promise("go").resolve(value);
    },
  },
);

export const services = [list, sink, ticket, cart, worker, flow];
