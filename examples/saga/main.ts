// A trip that succeeds, one for which there is no car, and one that is cancelled half-way.
import { Engine, isHoldfastError } from "holdfast";
import { data } from "../support.ts";
import { trips } from "./trips.ts";
import { cars } from "./world.ts";

const engine = await Engine.open({ services: [trips], data });

console.log(await engine.call(trips).book("Lisbon"));

try {
  await engine.call(trips).book("Paris");
} catch (error) {
  // The TerminalError that the step threw, with its code, wherever the caller is.
  if (isHoldfastError(error, "NO_CAR")) console.log(`Paris: ${error.message}`);
}

const trip = await engine.send(trips).book("Oslo");
await cars.asked("Oslo");
await trip.cancel();
await trip.result().catch((error) => console.log(`Oslo: ${error.code}`));

await engine.close();
