// An engine with its ingress in a process with a small heap, told by messages what to bear. It
// measures how long its event loop was held up.
import { monitorEventLoopDelay } from "node:perf_hooks";
import { Engine, isHoldfastError, object, service } from "holdfast";
import { serve } from "holdfast/server";

const [, , data = ""] = process.argv;

const hot = object("Hot", {
  async hold(ctx): Promise<void> {
    await ctx.signal("go");
  },
  async work(ctx, n: number): Promise<void> {
    const done = (await ctx.get<number>("done")) ?? 0;
    if (n !== done) throw new TypeError(`${n} came as number ${done}`);
    ctx.set("done", done + 1);
  },
  async done(ctx): Promise<number> {
    return (await ctx.get<number>("done")) ?? 0;
  },
  async large(ctx, bytes: number): Promise<void> {
    ctx.set("large", "l".repeat(bytes));
  },
});

const bear = service("Bear", {
  async echo(_ctx, value: unknown): Promise<unknown> {
    return value;
  },
  async nap(ctx, ms: number): Promise<number> {
    await ctx.sleep(ms);
    return ms;
  },
  async throws(): Promise<void> {
    throw new Error("always");
  },
  async hangs(): Promise<void> {
    await new Promise(() => {});
  },
  async journal(ctx, entries: number): Promise<number> {
    let n = 0;
    while (n < entries) {
      // Two entries each: asked and answered.
      await Promise.all(Array.from({ length: 500 }, () => ctx.run("step", () => 1)));
      n += 1000;
    }
    return n;
  },
});

export type PressureOrder =
  | { readonly do: "open" | "release" | "numbers" | "close" }
  | {
      readonly do: "queue" | "others" | "calls" | "journal" | "large" | "throw" | "hang" | "done";
      readonly count: number;
    };

let engine: Engine;
let held: string;
const delays = monitorEventLoopDelay({ resolution: 5 });
const sideBySide = 1000;

async function inParts(count: number, one: (n: number) => Promise<unknown>): Promise<void> {
  for (let from = 0; from < count; from += sideBySide) {
    const length = Math.min(sideBySide, count - from);
    await Promise.all(Array.from({ length }, (_, i) => one(from + i)));
  }
}

async function idsOf(count: number, handler: "throws" | "hangs"): Promise<string[]> {
  const ids: string[] = [];
  for (let i = 0; i < count; i++) ids.push((await engine.send(bear)[handler]()).id);
  return ids;
}

async function carryOut(order: PressureOrder): Promise<unknown> {
  switch (order.do) {
    case "open": {
      engine = await Engine.open({ services: [hot, bear], data });
      const { url } = await serve(engine, { port: 0 });
      delays.enable();
      return url;
    }
    case "queue":
      held = (await engine.send(hot, "hot").hold()).id;
      return inParts(order.count, (n) => engine.send(hot, "hot").work(n));
    case "others":
      return inParts(order.count, (n) => engine.call(hot, `other ${n % 50}`).done());
    case "calls":
      return Promise.all(Array.from({ length: order.count }, () => engine.call(bear).nap(50))).then(
        (all) => all.length,
      );
    case "release":
      return engine.signal(held, "go");
    case "done":
      return engine.call(hot, "hot").done();
    case "journal":
      return engine.call(bear).journal(order.count);
    case "large":
      return engine.call(hot, "large").large(order.count);
    case "throw":
      return idsOf(order.count, "throws");
    case "hang":
      return idsOf(order.count, "hangs");
    case "numbers": {
      const ms = (ns: number): number => Math.round(ns / 1e6);
      const { heapUsed, rss } = process.memoryUsage();
      const mib = (bytes: number): number => Math.round(bytes / 1024 / 1024);
      const lag = { p99: ms(delays.percentile(99)), max: ms(delays.max) };
      delays.reset();
      return { lagMs: lag, heapMiB: mib(heapUsed), rssMiB: mib(rss) };
    }
    case "close":
      return engine.close();
  }
}

process.on("message", ({ ticket, order }: { ticket: number; order: PressureOrder }) => {
  carryOut(order).then(
    (value) => process.send?.({ ticket, answer: { value } }),
    (error: unknown) => {
      const code = isHoldfastError(error) ? error.code : "none";
      process.send?.({ ticket, answer: { code, message: String(error) } });
    },
  );
});
