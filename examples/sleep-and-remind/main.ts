// Time that survives: a handler that sleeps, and a call that is sent now and runs later. Neither
// needs a process in the meantime, so this one closes its engine and opens it again.
import { Engine, object, service } from "holdfast";
import { data } from "../support.ts";

const phone = object("Phone", {
  async notify(ctx, text: string): Promise<string> {
    return `${ctx.key}'s phone: ${text}`;
  },
});

const kitchen = service("Kitchen", {
  async brew(ctx, tea: string): Promise<{ ready: string; reminder: string }> {
    // Runs in a second, whatever becomes of this handler. A month would cost no more.
    const reminder = ctx.send(phone, "Sarah", { delay: "1s" }).notify(`drink your ${tea}`);
    await ctx.sleep("500ms");
    return { ready: `${tea} is ready`, reminder: reminder.id };
  },
});

const services = [phone, kitchen];

const first = await Engine.open({ services, data });
const brewing = await first.send(kitchen).brew("green tea");
console.log("brewing");
await first.close();
console.log("the engine is closed: sleep and reminder wait on disk");

// An invocation is found by its id, from another process just as well.
const second = await Engine.open({ services, data });
const tea = await second.invocation<{ ready: string; reminder: string }>(brewing.id).result();
console.log("the engine is open again:", tea.ready);
console.log(await second.invocation<string>(tea.reminder).result());
await second.close();
