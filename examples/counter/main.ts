// A virtual object: each key has its own state and runs one exclusive handler at a time, so that
// reading, adding and writing back needs no lock. Shared handlers only read, and need not wait.
import { Engine, object, shared } from "holdfast";
import { data } from "../support.ts";

const options = { state: { count: 0 } };

const counter = object("Counter", options, {
  async add(ctx, by: number): Promise<number> {
    const count = (await ctx.get("count")) + by;
    ctx.set("count", count);
    return count;
  },

  /** Holds its key until it is done: other exclusive handlers of the key wait in line. */
  async addSlowly(ctx, by: number): Promise<number> {
    const before = await ctx.get("count");
    await ctx.sleep("400ms");
    ctx.set("count", before + by);
    return before + by;
  },

  read: shared(async (ctx) => ctx.get("count")),
});

const engine = await Engine.open({ services: [counter], data });

// A hundred callers at once: none is lost.
await Promise.all(Array.from({ length: 100 }, () => engine.call(counter, "apples").add(1)));
console.log("apples:", await engine.call(counter, "apples").read());

// Another key is another counter.
console.log("pears:", await engine.call(counter, "pears").add(5));

// Sent first, so it holds the key: `add` comes after it, `read` does not wait.
const slow = await engine.send(counter, "apples").addSlowly(10);
const quick = engine.call(counter, "apples").add(1);
console.log("read meanwhile:", await engine.call(counter, "apples").read());
console.log("slow:", await slow.result());
console.log("quick, in order of arrival:", await quick);

await engine.close();
