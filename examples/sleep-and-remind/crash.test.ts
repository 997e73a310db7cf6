// The tea is brewed and the reminder comes once, whatever crashes meanwhile.

import { crashTest } from "holdfast/testing";
import { expect, test } from "vitest";
import { kitchen, services } from "./kitchen.ts";

test("tea and reminder survive any crash", () =>
  crashTest({
    services,
    async run(client) {
      const { ready, reminder } = await client.call(kitchen).brew("green tea");
      expect(await client.invocation(reminder).result()).toContain("drink your green tea");
      return ready;
    },
  }));
