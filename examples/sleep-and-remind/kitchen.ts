// Time that survives: a handler that sleeps, and a call that is sent now and runs later.
import { object, service } from "holdfast";

export const phone = object("Phone", {
  async notify(ctx, text: string): Promise<string> {
    return `${ctx.key}'s phone: ${text}`;
  },
});

export const kitchen = service("Kitchen", {
  async brew(ctx, tea: string): Promise<{ ready: string; reminder: string }> {
    // Runs in a second, whatever becomes of this handler. A month would cost no more.
    const reminder = ctx.send(phone, "Sarah", { delay: "1s" }).notify(`drink your ${tea}`);
    await ctx.sleep("500ms");
    return { ready: `${tea} is ready`, reminder: reminder.id };
  },
});

export const services = [phone, kitchen];
