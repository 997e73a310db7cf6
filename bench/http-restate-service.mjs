// The same services on Restate's SDK, for bench/http.ts. Run by the Node that the benchmark installs:
// the SDK wants 22 or newer.
import * as restate from "@restatedev/restate-sdk";

const cart = restate.object({
  name: "Cart",
  handlers: {
    addTicket: async (ctx, ticketId) => {
      const reserved = await ctx.run("reserve", () => ticketId.length > 0);
      const held = (await ctx.get("tickets")) ?? [];
      ctx.set("tickets", [...held.slice(-4), ticketId]);
      ctx
        .objectSendClient(cart, ctx.key)
        .expireTicket(ticketId, restate.rpc.sendOpts({ delay: { minutes: 15 } }));
      return reserved;
    },
    expireTicket: async (ctx, ticketId) => {
      const held = (await ctx.get("tickets")) ?? [];
      ctx.set(
        "tickets",
        held.filter((id) => id !== ticketId),
      );
    },
  },
});

const greeter = restate.service({
  name: "Greeter",
  handlers: { greet: async (_ctx, name) => `Hello, ${name}` },
});

restate.serve({ services: [cart, greeter], port: Number(process.argv[2]) }).then(
  () => console.log("ready"),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
