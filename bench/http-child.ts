// Our side of bench/http.ts: an engine on a directory behind a port, in a process of its own. It
// prints the port, and ends when its standard input does.
import { Engine, service } from "holdfast";
import { serve } from "holdfast/server";
import { cart } from "./cart.ts";

const greeter = service("Greeter", {
  async greet(_ctx, name: string): Promise<string> {
    return `Hello, ${name}`;
  },
});

async function main(): Promise<void> {
  const data = process.argv[2] as string;
  const engine = await Engine.open({ services: [cart, greeter], data });
  await engine.start();
  const server = await serve(engine, { port: 0 });
  process.stdout.write(`${server.port}\n`);
  for await (const _ of process.stdin);
  await server.close();
  await engine.close();
}

void main();
