// The ticket cart in three scenarios, on an embedded engine: one process, data in a folder. With
// EXPIRY=2s it also waits until the tickets have expired, and takes one of them again. DATA=memory
// keeps nothing.
import { setTimeout as after } from "node:timers/promises";
import { Engine, memory } from "holdfast";
import { data } from "../support.ts";
import { scenarios } from "./scenarios.ts";
import { cart, services, ticketService } from "./services.ts";

const engine = await Engine.open({ services, data: data === "memory" ? memory() : data });
await scenarios(engine, process.env["EXPIRY"] === undefined ? undefined : showExpiry);
await engine.close();

/** Waits until the cart is empty again, then lets the other user have the ticket. */
async function showExpiry(): Promise<void> {
  console.log(`⏳ Waiting ${process.env["EXPIRY"]} for the tickets to expire...\n`);
  while ((await engine.call(cart, "user-1").list()).length > 0) {
    await after(50);
  }
  const again = await engine.call(ticketService).reserve("TICKET-001");
  console.log(`✅ Result: cart is empty, the ticket is free again=${again}\n`);
}
