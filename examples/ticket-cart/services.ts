// The ticket cart: a user's cart is state that lives on between invocations, all operations of one
// user run one at a time in order, a ticket service is called durably, and a delayed expireTicket
// frees a ticket that was not bought.
import { duration, object, service } from "holdfast";

const tickets = Array.from({ length: 10 }, (_, i) => `TICKET-${String(i + 1).padStart(3, "0")}`);

const free = { state: { reserved: false } };

/** One object per ticket keeps who has it: two users cannot reserve it at the same time. */
export const ticket = object("Ticket", free, {
  async reserve(ctx): Promise<boolean> {
    if (await ctx.get("reserved")) return false;
    ctx.set("reserved", true);
    return true;
  },
  async release(ctx): Promise<void> {
    ctx.set("reserved", false);
  },
});

export const ticketService = service("TicketService", {
  async reserve(ctx, ticketId: string): Promise<boolean> {
    return tickets.includes(ticketId) && (await ctx.call(ticket, ticketId).reserve());
  },
  async release(ctx, ticketId: string): Promise<void> {
    await ctx.call(ticket, ticketId).release();
  },
});

/** How long a ticket stays in a cart. */
const expiry = duration(process.env["EXPIRY"] ?? "15m");

const empty = { state: { tickets: [] as string[] } };

export const cart = object("Cart", empty, {
  async addTicket(ctx, ticketId: string): Promise<boolean> {
    const reserved = await ctx.call(ticketService).reserve(ticketId);
    if (reserved) {
      ctx.set("tickets", [...(await ctx.get("tickets")), ticketId]);
      ctx.sendDelayed(cart, ctx.key, expiry).expireTicket(ticketId);
    }
    return reserved;
  },
  async expireTicket(ctx, ticketId: string): Promise<void> {
    const held = await ctx.get("tickets");
    if (!held.includes(ticketId)) return;
    const left = held.filter((id) => id !== ticketId);
    ctx.set("tickets", left);
    await ctx.call(ticketService).release(ticketId);
  },
  async list(ctx): Promise<string[]> {
    return ctx.get("tickets");
  },
});

export const services = [ticket, ticketService, cart];
