// The three scenarios of the ticket cart, as any client of the carts plays them.
import type { Client } from "holdfast";
import { cart } from "./services.ts";

const rule = "=".repeat(40);

/** `then` is shown before the end. */
export async function scenarios(client: Client, then?: () => Promise<void>): Promise<void> {
  console.log(`${rule}\nTicket Cart Example (Restate-style)\n${rule}\n`);

  console.log("📤 Scenario 1: Adding first ticket to cart...\n");
  const first = await client.call(cart, "user-1").addTicket("TICKET-001");
  console.log(`✅ Result: success=${first}\n`);

  console.log("📤 Scenario 2: Adding second ticket to same cart...\n");
  const second = await client.call(cart, "user-1").addTicket("TICKET-002");
  console.log(`✅ Result: success=${second}\n`);

  console.log("📤 Scenario 3: Trying to add already reserved ticket...\n");
  const third = await client.call(cart, "user-2").addTicket("TICKET-001");
  console.log(`✅ Result: success=${third} (expected: false)\n`);

  await then?.();
  console.log(`${rule}\n✓ Test completed!\n${rule}`);
}
