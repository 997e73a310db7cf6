// Neither a sleep nor a delayed call needs a process in the meantime, so this one closes its engine
// and opens it again.
import { Engine } from "holdfast";
import { data } from "../support.ts";
import { kitchen, services } from "./kitchen.ts";

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
