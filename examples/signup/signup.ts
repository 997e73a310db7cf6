// A workflow: `run` executes once per key, for minutes or months. Its other handlers run beside it
// and reach it through durable promises: here the code that a new user types in.
import { promise, workflow } from "holdfast";

const options = {
  state: { status: "unknown", code: "" },
  promises: { verified: promise<string>() },
};

export const signup = workflow("Signup", options, {
  async run(ctx, email: string): Promise<string> {
    const code = await ctx.run("mail a code", () => {
      console.log(`mail to ${email}: your code is 4711`);
      return "4711";
    });
    ctx.set("code", code);
    ctx.set("status", "waiting for the code");

    const by = await ctx.promise("verified");

    ctx.set("status", "verified");
    return `${email} verified by ${by}`;
  },

  /** Answers whether the code is right. Only the first right one lets `run` go on. */
  async verify(ctx, attempt: { code: string; device: string }): Promise<boolean> {
    if (attempt.code !== (await ctx.get("code"))) return false;
    const verified = ctx.promise("verified");
    if ((await verified.peek()) === undefined) verified.resolve(attempt.device);
    return true;
  },

  async status(ctx): Promise<string> {
    return ctx.get("status");
  },
});
