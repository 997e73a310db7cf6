// An engine on a directory behind a port, until it is killed. It says on which port.
import { Engine, object } from "holdfast";
import { serve } from "holdfast/server";

const counter = object(
  "Counter",
  { state: { n: 0 } },
  {
    async add(ctx, by: number): Promise<number> {
      const n = await ctx.get("n");
      const added = await ctx.run("add", () => by);
      await ctx.sleep(5);
      ctx.set("n", n + added);
      return n + added;
    },
  },
);

async function main(): Promise<void> {
  const [, , data, port] = process.argv;
  const engine = await Engine.open({ services: [counter], data: data as string });
  await engine.start();
  const server = await serve(engine, { port: Number(port) });
  process.stdout.write(`${server.port}\n`);
}

void main();
