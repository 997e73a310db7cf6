// Entry of a process that runs seeds as they come and answers with what came of each. From the first
// on nothing here may look at the real world.

import { type Outcome, simulate } from "./seed.ts";
import { real, setTraps } from "./traps.ts";

export interface Asked {
  readonly seed: string;
  /** Runs it twice: their hashes must be equal. */
  readonly twice: boolean;
  readonly notes?: boolean | undefined;
}

export interface Answered extends Outcome {
  readonly realMs: number;
  readonly notes?: readonly string[] | undefined;
}

const send = (message: Answered): void => void process.send?.(message);

async function run({ seed, twice, notes }: Asked): Promise<Answered> {
  const begun = real.now();
  const noted: string[] = [];
  const outcome = await simulate(seed, notes === true ? (text) => noted.push(text) : undefined);
  const violations = [...outcome.violations];
  if (twice) {
    const again = await simulate(seed);
    if (again.hash !== outcome.hash) violations.push(`trace: ${outcome.hash}, then ${again.hash}`);
  }
  const realMs = real.now() - begun;
  return { ...outcome, violations, realMs, ...(notes === true ? { notes: noted } : {}) };
}

let queue: Promise<void> = Promise.resolve();
const strays: string[] = [];
process.on("unhandledRejection", (error) => strays.push(String((error as Error)?.stack ?? error)));
process.on("message", (asked: Asked) => {
  queue = queue.then(async () => {
    const answer = await run(asked);
    const stray = strays.splice(0).map((error) => `R7: nobody handled ${error}`);
    send({ ...answer, violations: [...answer.violations, ...stray] });
  });
});
setTraps();
