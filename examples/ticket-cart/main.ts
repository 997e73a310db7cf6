// Runs the seed's three scenarios on an embedded engine: one process, data in a folder. With EXPIRY
// set, also waits for the expiry to free the first ticket.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Engine, memory } from "holdfast";
import { cart, services, ticketService } from "./services.ts";

const rule = "=".repeat(40);
// A folder of its own each time, so that the tickets are free again; DATA names one to keep.
const temporary = process.env["DATA"] === undefined;
const data = process.env["DATA"] ?? mkdtempSync(join(tmpdir(), "ticket-cart-"));

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
  if (temporary) rmSync(data, { recursive: true });
}

/** Waits until the cart is empty again, then lets the other user have the ticket. */
async function showExpiry(engine: Engine): Promise<void> {
  console.log(`⏳ Waiting ${process.env["EXPIRY"]} for the tickets to expire...\n`);
  while ((await engine.call(cart, "user-1").list()).length > 0) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const again = await engine.call(ticketService).reserve("TICKET-001");
  console.log(`✅ Result: cart is empty, the ticket is free again=${again}\n`);
}

await main();
