// A virtual object: each key has its own state and runs one exclusive handler at a time, so that
// reading, adding and writing back needs no lock. Shared handlers only read, and need not wait.
import { object, shared } from "holdfast";

const options = { state: { count: 0 } };

export const counter = object("Counter", options, {
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
