// An engine in a process of its own, which does what it is told by messages and answers each.
import { type Client, Engine, isHoldfastError, object, service, shared } from "holdfast";

const box = object(
  "Box",
  { state: { n: 0, blob: "" } },
  {
    async add(ctx, by: number): Promise<number> {
      const n = (await ctx.get("n")) + by;
      ctx.set("n", n);
      return n;
    },
    async put(ctx, bytes: number): Promise<void> {
      ctx.set("blob", "b".repeat(bytes));
    },
    read: shared(async (ctx): Promise<number> => ctx.get("n")),
    size: shared(async (ctx): Promise<number> => (await ctx.get("blob")).length),
  },
);

const worker = service("Worker", {
  /** Long, and more than the segment that is ready may hold. */
  async long(ctx, steps: number): Promise<number> {
    let bytes = 0;
    for (let i = 0; i < steps; i++) {
      bytes += (await ctx.run(`step ${i}`, () => "r".repeat(200_000))).length;
      await ctx.sleep(10);
    }
    return bytes;
  },
});

export type Order =
  | { readonly do: "open"; readonly data: string; readonly keep?: number }
  | { readonly do: "add" | "put"; readonly key: string; readonly by: number }
  | { readonly do: "read" | "size"; readonly key: string }
  | { readonly do: "send"; readonly steps: number }
  | { readonly do: "result"; readonly id: string }
  | { readonly do: "events" | "close" };

export interface Answer {
  readonly value?: unknown;
  readonly code?: string;
  readonly message?: string;
  readonly data?: unknown;
}

let engine: Engine;
const events: unknown[] = [];

async function carryOut(order: Order): Promise<unknown> {
  const client: Client = engine;
  switch (order.do) {
    case "open":
      engine = await Engine.open({
        services: [box, worker],
        data: order.data,
        keep: order.keep,
        closeTimeout: 200,
        onEvent: (event) => events.push(event),
        onFatal: () => {},
      });
      await engine.start();
      return undefined;
    case "add":
      return client.call(box, order.key).add(order.by);
    case "put":
      return client.call(box, order.key).put(order.by);
    case "read":
      return client.call(box, order.key).read();
    case "size":
      return client.call(box, order.key).size();
    case "send":
      return (await client.send(worker).long(order.steps)).id;
    case "result":
      return client.invocation(order.id).result();
    case "events":
      return JSON.parse(JSON.stringify(events));
    case "close":
      return engine.close();
  }
}

process.on("message", ({ ticket, order }: { ticket: number; order: Order }) => {
  carryOut(order).then(
    (value) => process.send?.({ ticket, answer: { value } }),
    (error: unknown) => {
      const { message } = error as Error;
      const ours = isHoldfastError(error) ? { code: error.code, data: error.data } : {};
      process.send?.({ ticket, answer: { code: "none", message, ...ours } });
    },
  );
});
