// All bookings or none, whatever crashes in the middle: also while it is undone.
import { isHoldfastError } from "holdfast";
import { crashTest } from "holdfast/testing";
import { expect, test, vi } from "vitest";
import { trips } from "./trips.ts";
import { cars } from "./world.ts";

const before = () => void vi.spyOn(console, "log").mockReturnValue();

test("a trip that succeeds survives any crash", () =>
  crashTest({ services: [trips], before, run: (client) => client.call(trips).book("Lisbon") }));

test("a trip that is undone survives any crash", () =>
  crashTest({
    services: [trips],
    before,
    async run(client) {
      const failed = await client
        .call(trips)
        .book("Paris")
        .catch((error: unknown) => error);
      expect(isHoldfastError(failed, "NO_CAR")).toBe(true);
    },
  }));

test("a trip that is cancelled half-way survives any crash", () =>
  crashTest({
    services: [trips],
    before,
    async run(client) {
      const asked = cars.asked("Oslo");
      const trip = await client.send(trips).book("Oslo");
      await asked;
      await trip.cancel();
      const failed = await trip.result().catch((error: unknown) => error);
      expect(isHoldfastError(failed, "CANCELLED")).toBe(true);
    },
  }));
