// A service: handlers that are called by name and survive the process that runs them.
import { service } from "holdfast";

export const greeter = service("Greeter", {
  async greet(ctx, name: string): Promise<string> {
    // A step: its result is kept, so that a handler that starts again after a crash does not repeat it.
    const greeting = await ctx.run("choose a greeting", () => "Hello");
    return `${greeting}, ${name}!`;
  },
});
