// Opens an engine that hosts a service, and calls it.
import { Engine } from "holdfast";
import { data } from "../support.ts";
import { greeter } from "./greeter.ts";

const engine = await Engine.open({ services: [greeter], data });
console.log(await engine.call(greeter).greet("Sarah"));
await engine.close();
