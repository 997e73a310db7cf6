// The same cart in a process that is killed half-way, as by kill -9, and started again: what was
// answered is still there, and what was only accepted gets done.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Engine } from "holdfast";
import { data } from "../support.ts";
import { cart, services } from "./services.ts";

async function first(): Promise<void> {
  const engine = await Engine.open({ services, data });
  console.log("TICKET-001 added:", await engine.call(cart, "user-1").addTicket("TICKET-001"));
  await engine.send(cart, "user-1").addTicket("TICKET-002");
  console.log("TICKET-002 accepted");
  process.kill(process.pid, "SIGKILL");
}

async function second(): Promise<void> {
  const engine = await Engine.open({ services, data });
  // In order of arrival: after the ticket that was accepted before the crash.
  console.log("in the cart:", (await engine.call(cart, "user-1").list()).join(", "));
  console.log("TICKET-001 added:", await engine.call(cart, "user-2").addTicket("TICKET-001"));
  await engine.close();
}

/** Runs this file again, in a process of its own. */
function run(part: string): void {
  const file = fileURLToPath(import.meta.url);
  const { signal } = spawnSync(process.execPath, [...process.execArgv, file, part], {
    env: { ...process.env, DATA: data },
    stdio: "inherit",
  });
  if (signal !== null) console.log(`ended by ${signal}`);
}

const part = process.argv[2];
if (part === "first") await first();
else if (part === "second") await second();
else for (const each of ["first", "second"]) run(each);
