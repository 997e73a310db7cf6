// Nobody loses a ticket and no ticket is sold twice, whatever crashes until the carts expire.

import { crashTest } from "holdfast/testing";
import { expect, test } from "vitest";
import { cart, services } from "./services.ts";

test("carts, tickets and their expiry survive any crash", () =>
  crashTest({
    services,
    async run(client) {
      expect(await client.call(cart, "user-1").addTicket("TICKET-001")).toBe(true);
      expect(await client.call(cart, "user-2").addTicket("TICKET-001")).toBe(false);
      await client.advance("16m");
      expect(await client.call(cart, "user-1").list()).toEqual([]);
    },
  }));
