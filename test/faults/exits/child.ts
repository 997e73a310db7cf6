// A host that ends in one of the ways a host ends, while its engine folds.
import { underLoad } from "./load.ts";

const [, , way, directory, ms] = process.argv;

await underLoad(directory as string);
process.stdout.write("loaded\n");
setTimeout(() => {
  switch (way) {
    case "exit":
      return process.exit(7);
    case "throw":
      throw new Error("uncaught, on purpose");
    case "reject":
      return void Promise.reject(new Error("unhandled, on purpose"));
    default:
      // Signals come from outside.
      return undefined;
  }
}, Number(ms));
