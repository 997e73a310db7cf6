// Waiting for a person: an awakeable is an id to hand out, and a promise that whoever has the id
// settles, from outside, days later if need be. With a deadline, since people forget.
import { isHoldfastError, service } from "holdfast";

/** The manager's mail: what would be sent, with the id that the buttons in it answer to. */
export const mail: { text: string; id: string }[] = [];

export const expenses = service("Expenses", {
  async submit(ctx, { item, deadline }: { item: string; deadline: number }): Promise<string> {
    const approval = ctx.awakeable<boolean>();
    await ctx.run("ask the manager", () => {
      mail.push({ text: `Approve ${item}?`, id: approval.id });
    });
    try {
      const approved = await ctx.timeout(approval.promise, deadline);
      return approved ? `${item}: approved` : `${item}: declined`;
    } catch (error) {
      if (isHoldfastError(error, "TIMEOUT")) return `${item}: nobody answered in time`;
      throw error;
    }
  },
});
