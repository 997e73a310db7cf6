// The firms behind the bookings: they print what they are asked for.
import { TerminalError } from "holdfast";

export const booking = {
  book: (what: string, city: string): void => console.log(`  ${city}: ${what} booked`),
  cancel: (what: string, city: string): void => console.log(`  ${city}: ${what} cancelled`),
};

const asked = new Map<string, () => void>();

export const cars = {
  /** There is none in Paris. In Oslo the firm does not answer. */
  async book(city: string, signal: AbortSignal): Promise<void> {
    if (city === "Paris") throw new TerminalError("no car left", { code: "NO_CAR", status: 409 });
    if (city === "Oslo") {
      asked.get(city)?.();
      await new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
      });
    }
    booking.book("car", city);
  },

  /** Resolves when a car is asked for. */
  asked: (city: string): Promise<void> => new Promise((resolve) => asked.set(city, resolve)),
};
