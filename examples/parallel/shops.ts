// Several things at once, with the promises of the language: all, race, allSettled, and a deadline.
// In which order they settled is in the journal, so that a replay goes the same way.
import { isHoldfastError, service, TerminalError } from "holdfast";

export const shops = service("Shops", {
  /** What a shop asks, after a while. Some shops do not sell books. */
  async price(ctx, shop: { name: string; price: number; after: number }): Promise<string> {
    await ctx.sleep(shop.after);
    if (shop.price === 0) throw new TerminalError(`${shop.name} has none`, { code: "SOLD_OUT" });
    return `${shop.name} ${shop.price}`;
  },
});

const near = { name: "near", price: 12, after: 100 };
const far = { name: "far", price: 9, after: 300 };
const empty = { name: "empty", price: 0, after: 50 };
const asleep = { name: "asleep", price: 1, after: 60_000 };

export const buyer = service("Buyer", {
  /** Both, in the order asked. */
  async all(ctx): Promise<string[]> {
    return Promise.all([far, near].map((shop) => ctx.call(shops).price(shop)));
  },

  /** Whoever answers first. */
  async race(ctx): Promise<string> {
    return Promise.race([far, near].map((shop) => ctx.call(shops).price(shop)));
  },

  /** What became of each. */
  async allSettled(ctx): Promise<string[]> {
    const asked = [near, empty].map((shop) => ctx.call(shops).price(shop));
    const settled = await Promise.allSettled(asked);
    return settled.map((each) =>
      each.status === "fulfilled" ? each.value : `no: ${each.reason.message}`,
    );
  },

  /** Not for longer than a moment. What was waited for goes on, unless it is cancelled. */
  async inTime(ctx): Promise<string> {
    const price = ctx.call(shops).price(asleep);
    try {
      return await ctx.timeout(price, "100ms");
    } catch (error) {
      if (!isHoldfastError(error, "TIMEOUT")) throw error;
      ctx.cancel(price);
      return "too late";
    }
  },

  /** Steps run at once as well. */
  async steps(ctx): Promise<number> {
    const parts = [1, 2, 3, 4].map((n) => ctx.run(`square ${n}`, () => n * n));
    return (await Promise.all(parts)).reduce((sum, n) => sum + n);
  },
});
