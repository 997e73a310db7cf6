// A saga: book a flight, a hotel and a car, or none of them. What was done is undone in reverse
// order when a later booking fails for good, and when the trip is cancelled from outside. That is
// ordinary code: each undo is a step like any other, and survives a crash in the middle.
import { service, TerminalError } from "holdfast";
import { booking, cars } from "./world.ts";

export const trips = service("Trips", {
  async book(ctx, city: string): Promise<string> {
    const undo: (() => Promise<void>)[] = [];
    try {
      // Registered before it is done: a step that failed may have taken effect all the same.
      undo.push(() => ctx.run("cancel flight", () => booking.cancel("flight", city)));
      await ctx.run("book flight", () => booking.book("flight", city));

      undo.push(() => ctx.run("cancel hotel", () => booking.cancel("hotel", city)));
      await ctx.run("book hotel", () => booking.book("hotel", city));

      await ctx.run("book car", ({ signal }) => cars.book(city, signal));
      return `${city}: booked`;
    } catch (error) {
      // Only what ends the invocation for good. Anything else is tried again, not undone.
      if (error instanceof TerminalError) for (const step of undo.reverse()) await step();
      throw error;
    }
  },
});
