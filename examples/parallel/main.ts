// Asks several shops at once, in each of the ways.
import { Engine } from "holdfast";
import { data } from "../support.ts";
import { buyer, shops } from "./shops.ts";

const engine = await Engine.open({ services: [shops, buyer], data });
const call = engine.call(buyer);
console.log("all:", (await call.all()).join(", "));
console.log("race:", await call.race());
console.log("allSettled:", (await call.allSettled()).join(", "));
console.log("timeout:", await call.inTime());
console.log("steps:", await call.steps());
await engine.close();
