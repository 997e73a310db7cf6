// An engine whose handlers sleep, told by messages what to do. Each handler that wakes notes by which
// wall clock.
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { Engine, service } from "holdfast";

const [, , data = "", woken = ""] = process.argv;
writeFileSync(woken, "", { flag: "a" });

const sleeper = service("Sleeper", {
  async nap(ctx, { n, ms }: { n: number; ms: number }): Promise<void> {
    const due = ctx.date.now() + ms;
    await ctx.sleep(ms);
    const early = due - Date.now();
    appendFileSync(woken, `${n} ${early}\n`);
  },
});

export type ClockOrder =
  | { readonly do: "open" | "woken" | "events" | "close" }
  | { readonly do: "sleep"; readonly from: number; readonly count: number; readonly ms: number };

let engine: Engine;
const events: unknown[] = [];
const sideBySide = 500;

async function carryOut(order: ClockOrder): Promise<unknown> {
  switch (order.do) {
    case "open":
      engine = await Engine.open({ services: [sleeper], data, onEvent: (e) => events.push(e) });
      await engine.start();
      return undefined;
    case "sleep": {
      const { from, count, ms } = order;
      for (let n = from; n < from + count; n += sideBySide) {
        const some = Math.min(sideBySide, from + count - n);
        const send = (_: unknown, i: number) => engine.send(sleeper).nap({ n: n + i, ms });
        await Promise.all(Array.from({ length: some }, send));
      }
      return undefined;
    }
    case "woken":
      return readFileSync(woken, "utf8");
    case "events":
      return JSON.parse(JSON.stringify(events));
    case "close":
      return engine.close();
  }
}

process.on("message", ({ ticket, order }: { ticket: number; order: ClockOrder }) => {
  carryOut(order).then(
    (value) => process.send?.({ ticket, answer: { value } }),
    (error: unknown) => process.send?.({ ticket, answer: { code: "failed", message: `${error}` } }),
  );
});
