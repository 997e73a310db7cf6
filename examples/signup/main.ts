// Signs somebody up: a wrong code, the right one, and the result for whoever asks later.
import { setTimeout as after } from "node:timers/promises";
import { Engine, isHoldfastError } from "holdfast";
import { data } from "../support.ts";
import { signup } from "./signup.ts";

const engine = await Engine.open({ services: [signup], data });
const sarah = engine.call(signup, "sarah");

console.log("status:", await sarah.status());
const run = await engine.send(signup, "sarah").run("sarah@example.com");
while ((await sarah.status()) !== "waiting for the code") {
  await after(10);
}
console.log("status:", await sarah.status());

console.log("code 0000:", await sarah.verify({ code: "0000", device: "phone" }));
console.log("code 4711:", await sarah.verify({ code: "4711", device: "phone" }));
console.log("result:", await run.result());
console.log("status:", await sarah.status());

// Once per key: a second run is refused, the first one's result is there to be had.
try {
  await sarah.run("sarah@example.com");
} catch (error) {
  if (isHoldfastError(error, "WORKFLOW_ALREADY_STARTED")) console.log("again:", error.code);
}
console.log("result:", await engine.workflow(signup, "sarah").result());

await engine.close();
