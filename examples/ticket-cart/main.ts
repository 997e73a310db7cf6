// The ticket cart in three scenarios, on an embedded engine: one process, data in a folder. With
// EXPIRY=2s it also waits until the tickets have expired, and takes one of them again. DATA=memory
// keeps nothing.
import { setTimeout as after } from "node:timers/promises";
import { Engine, memory } from "holdfast";
import { data } from "../support.ts";
import { cart, services, ticketService } from "./services.ts";

const rule = "=".repeat(40);

async function main(): Promise<void> {
  console.log(`${rule}\nTicket Cart Example (Restate-style)\n${rule}\n`);
  const engine = await Engine.open({ services, data: data === "memory" ? memory() : data });

  console.log("📤 Scenario 1: Adding first ticket to cart...\n");
  const first = await engine.call(cart, "user-1").addTicket("TICKET-001");
  console.log(`✅ Result: success=${first}\n`);

  console.log("📤 Scenario 2: Adding second ticket to same cart...\n");
  const second = await engine.call(cart, "user-1").addTicket("TICKET-002");
  console.log(`✅ Result: success=${second}\n`);

  console.log("📤 Scenario 3: Trying to add already reserved ticket...\n");
  const third = await engine.call(cart, "user-2").addTicket("TICKET-001");
  console.log(`✅ Result: success=${third} (expected: false)\n`);

  if (process.env["EXPIRY"] !== undefined) await showExpiry(engine);
  console.log(`${rule}\n✓ Test completed!\n${rule}`);
  await engine.close();
}

/** Waits until the cart is empty again, then lets the other user have the ticket. */
async function showExpiry(engine: Engine): Promise<void> {
  console.log(`⏳ Waiting ${process.env["EXPIRY"]} for the tickets to expire...\n`);
  while ((await engine.call(cart, "user-1").list()).length > 0) {
    await after(50);
  }
  const again = await engine.call(ticketService).reserve("TICKET-001");
  console.log(`✅ Result: cart is empty, the ticket is free again=${again}\n`);
}

await main();
