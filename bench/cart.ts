// The keyed cart, in process, on files, with the materialiser on: beside a bare loop that does the
// same work without an engine (loop.ts), alternated in one run.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Engine, object } from "holdfast";
import { atLeast, type Figure, known, median } from "./figure.ts";
import { Loop } from "./loop.ts";

export interface CartRun {
  readonly keys: number;
  readonly concurrent: number;
  readonly seconds: number;
}

export const concurrent = 1024;
const warmUpSeconds = 2;

export const cart = object("Cart", {
  async addTicket(ctx, ticketId: string): Promise<boolean> {
    const reserved = await ctx.run("reserve", () => ticketId.length > 0);
    const held = (await ctx.get<string[]>("tickets")) ?? [];
    ctx.set("tickets", [...held.slice(-4), ticketId]);
    ctx.send(cart, ctx.key, { delay: "15m" }).expireTicket(ticketId);
    return reserved;
  },
  async expireTicket(ctx, ticketId: string): Promise<void> {
    const held = (await ctx.get<string[]>("tickets")) ?? [];
    ctx.set(
      "tickets",
      held.filter((id) => id !== ticketId),
    );
  },
});

export async function measureCarts(seconds: number): Promise<Figure[]> {
  const { ratio, perSecond } = await alternate({ keys: 10_000, concurrent, seconds });
  return [
    atLeast(0.5, { name: "cart.vsLoop", unit: "ratio", value: ratio }),
    known({ name: "cart.perSecond", unit: "/s", value: perSecond }),
  ];
}

export async function measureColdKeys(seconds: number): Promise<Figure[]> {
  const { ratio } = await alternate({ keys: 1_000_000, concurrent, seconds });
  return [atLeast(0.3, { name: "cartColdKeys.vsLoop", unit: "ratio", value: ratio })];
}

export interface Alternated {
  /** Median over pairs, of one loop and one engine after it. */
  readonly ratio: number;
  /** Of the engine: the median. */
  readonly perSecond: number;
}

export async function alternate(run: CartRun, rounds = 3): Promise<Alternated> {
  const warmUp = { ...run, seconds: Math.min(warmUpSeconds, run.seconds) };
  await loopCarts(warmUp);
  await engineCarts(warmUp);
  const ratios: number[] = [];
  const rates: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const loop = await loopCarts(run);
    const engine = await engineCarts(run);
    ratios.push(engine / loop);
    rates.push(engine);
  }
  return { ratio: median(ratios), perSecond: median(rates) };
}

/** Carts per second. */
async function drive(
  run: CartRun,
  one: (key: string, ticket: string) => Promise<unknown>,
): Promise<number> {
  const started = performance.now();
  const until = started + run.seconds * 1000;
  let done = 0;
  let seed = 1;
  // The upper bits: the lower ones of this generator repeat after a few draws.
  const below = (bound: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff;
    return Math.floor((seed / 0x80000000) * bound);
  };
  const worker = async (): Promise<void> => {
    while (performance.now() < until) {
      await one(`user-${below(run.keys)}`, `TICKET-${below(1000)}`);
      done++;
    }
  };
  await Promise.all(Array.from({ length: run.concurrent }, worker));
  return done / ((performance.now() - started) / 1000);
}

export async function loopCarts(run: CartRun): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "bench-loop-"));
  const loop = new Loop(join(folder, "log"));
  try {
    return await drive(run, (key, ticket) =>
      loop.call(
        key,
        async (ctx, ticketId) => {
          const reserved = await ctx.run("reserve", () => ticketId.length > 0);
          const held = ((await ctx.get("tickets")) as string[] | null) ?? [];
          ctx.set("tickets", [...held.slice(-4), ticketId]);
          ctx.send("expireTicket", 900_000, ticketId);
          return reserved;
        },
        ticket,
      ),
    );
  } finally {
    loop.close();
    rmSync(folder, { recursive: true });
  }
}

export async function engineCarts(run: CartRun): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "bench-cart-"));
  const engine = await Engine.open({ services: [cart], data: folder });
  try {
    await engine.start();
    return await drive(run, (key, ticket) => engine.call(cart, key).addTicket(ticket));
  } finally {
    await engine.close();
    rmSync(folder, { recursive: true });
  }
}
