// The keyed cart, in process, on files, with the materialiser on: beside a bare loop that does the
// same work without an engine (loop.ts), alternated in one run.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Engine, object } from "holdfast";
import { Loop } from "./loop.ts";

export interface CartRun {
  readonly keys: number;
  readonly concurrent: number;
  readonly seconds: number;
}

const cart = object("Cart", {
  async addTicket(ctx, ticketId: string): Promise<boolean> {
    const reserved = await ctx.run("reserve", () => ticketId.length > 0);
    const held = (await ctx.get<string[]>("tickets")) ?? [];
    ctx.set("tickets", [...held.slice(-4), ticketId]);
    ctx.send(cart, ctx.key, { delay: "15m" }).expireTicket(ticketId);
    return reserved;
  },
  async expireTicket(ctx, ticketId: string): Promise<void> {
    const held = (await ctx.get<string[]>("tickets")) ?? [];
    ctx.set("tickets", held.filter((id) => id !== ticketId));
  },
});

/** Carts per second. */
async function drive(run: CartRun, one: (key: string, ticket: string) => Promise<unknown>): Promise<number> {
  const until = performance.now() + run.seconds * 1000;
  const started = performance.now();
  let done = 0;
  let next = 1;
  const worker = async (): Promise<void> => {
    while (performance.now() < until) {
      next = (Math.imul(next, 1_103_515_245) + 12_345) & 0x7fffffff;
      await one(`user-${next % run.keys}`, `TICKET-${next % 1000}`);
      done++;
    }
  };
  await Promise.all(Array.from({ length: run.concurrent }, worker));
  return done / ((performance.now() - started) / 1000);
}

export async function loopCarts(run: CartRun): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "bench-loop-"));
  const loop = new Loop(join(folder, "log"));
  const rate = await drive(run, (key, ticket) =>
    loop.call(key, async (ctx, ticketId) => {
      const reserved = await ctx.run("reserve", () => ticketId.length > 0);
      const held = ((await ctx.get("tickets")) as string[] | null) ?? [];
      ctx.set("tickets", [...held.slice(-4), ticketId]);
      ctx.send("expireTicket", 900_000, ticketId);
      return reserved;
    }, ticket),
  );
  loop.close();
  rmSync(folder, { recursive: true });
  return rate;
}

export async function engineCarts(run: CartRun): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "bench-cart-"));
  const engine = await Engine.open({ services: [cart], data: folder });
  await engine.start();
  const rate = await drive(run, (key, ticket) => engine.call(cart, key).addTicket(ticket));
  await engine.close();
  rmSync(folder, { recursive: true });
  return rate;
}
