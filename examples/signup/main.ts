// A workflow: `run` executes once per key, for minutes or months. Its other handlers run beside it
// and reach it through durable promises: here the code that a new user types in.
import { setTimeout as after } from "node:timers/promises";
import { Engine, isHoldfastError, promise, workflow } from "holdfast";
import { data } from "../support.ts";

const options = {
  state: { status: "unknown", code: "" },
  promises: { verified: promise<string>() },
};

const signup = workflow("Signup", options, {
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

const engine = await Engine.open({ services: [signup], data });
const sarah = engine.call(signup, "sarah");

console.log("status:", await sarah.status());
const run = await engine.send(signup, "sarah").run("sarah@example.com");
while ((await sarah.status()) !== "waiting for the code") {
  await after(10);
}
console.log("status:", await sarah.status());

console.log("code 0000:", await sarah.verify({ code: "0000", device: "phone" }));
console.log("code 4711:", await sarah.verify({ code: "4711", device: "phone" }));
console.log("result:", await run.result());
console.log("status:", await sarah.status());

// Once per key: a second run is refused, the first one's result is there to be had.
try {
  await sarah.run("sarah@example.com");
} catch (error) {
  if (isHoldfastError(error, "WORKFLOW_ALREADY_STARTED")) console.log("again:", error.code);
}
console.log("result:", await engine.workflow(signup, "sarah").result());

await engine.close();
