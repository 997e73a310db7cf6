// What the disk-error tests run: lists that say by themselves what was lost or came twice.
import { object, shared } from "holdfast";

export const list = object(
  "List",
  { state: { items: [] as number[] } },
  {
    /** With a step in between where `stepped`: one more commit. */
    async append(ctx, { item, stepped }: { item: number; stepped: boolean }): Promise<void> {
      const items = await ctx.get("items");
      if (stepped) await ctx.run("step", () => "s".repeat(600));
      ctx.set("items", [...items, item]);
    },
    read: shared(async (ctx): Promise<number[]> => ctx.get("items")),
  },
);
