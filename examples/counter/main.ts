// Counts with many callers at once, and looks on while a handler holds its key.
import { Engine } from "holdfast";
import { data } from "../support.ts";
import { counter } from "./counter.ts";

const engine = await Engine.open({ services: [counter], data });

// A hundred callers at once: none is lost.
await Promise.all(Array.from({ length: 100 }, () => engine.call(counter, "apples").add(1)));
console.log("apples:", await engine.call(counter, "apples").read());

// Another key is another counter.
console.log("pears:", await engine.call(counter, "pears").add(5));

// Sent first, so it holds the key: `add` comes after it, `read` does not wait.
const slow = await engine.send(counter, "apples").addSlowly(10);
const quick = engine.call(counter, "apples").add(1);
console.log("read meanwhile:", await engine.call(counter, "apples").read());
console.log("slow:", await slow.result());
console.log("quick, in order of arrival:", await quick);

await engine.close();
