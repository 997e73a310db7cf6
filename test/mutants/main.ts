// Tests the tester: plants each fault in turn and runs fixed seeds until one fails.
//   MUTANTS=n  only n of them, others with each day   MUTANT=…  only those whose name holds this
//   SEEDS=n    seeds each may take at most (default 20000); a tenth of them where it takes a cluster
import { availableParallelism } from "node:os";
import { clusterSeed } from "../../sim/cluster/seeds.ts";
import { runSeeds } from "../../sim/driver.ts";
import { clusterMutants } from "./cluster-mutants.ts";
import { type Mutant, mutants as plainMutants } from "./mutants.ts";

const mutants = [...plainMutants, ...clusterMutants];
const { MUTANTS, MUTANT, SEEDS, WORKERS } = process.env;
const seedsMax = Number(SEEDS ?? 20_000);
const workers = Number(WORKERS ?? availableParallelism());

function chosen(): readonly Mutant[] {
  if (MUTANT !== undefined) return mutants.filter(({ name }) => name.includes(MUTANT));
  const count = Number(MUTANTS ?? mutants.length);
  // Spread over the list, the same on every machine.
  return mutants.filter(
    (_, i) =>
      Math.floor((i * count) / mutants.length) !== Math.floor(((i - 1) * count) / mutants.length),
  );
}

/** The seeds it took and what they said; undefined when it survives. */
async function killed(mutant: Mutant): Promise<{ seeds: number; said: string } | undefined> {
  let next = 0;
  let answered = 0;
  let found: { seeds: number; said: string } | undefined;
  await runSeeds({
    workers,
    planted: mutant,
    next: () => {
      const seed = `${mutant.cluster === true ? clusterSeed : ""}${next++}`;
      // A world of several nodes takes as long as ten of one engine.
      const most = mutant.cluster === true ? Math.ceil(seedsMax / 10) : seedsMax;
      return next <= most ? { seed, twice: false } : undefined;
    },
    answered: ({ violations: [first] }) => {
      answered++;
      if (first !== undefined) found ??= { seeds: answered, said: first.split("\n")[0] as string };
      return found !== undefined;
    },
  });
  return found;
}

async function main(): Promise<void> {
  const survivors: Mutant[] = [];
  const tried = chosen();
  for (const mutant of tried) {
    const death = await killed(mutant);
    if (death === undefined) survivors.push(mutant);
    const end =
      death === undefined ? "SURVIVES" : `seed ${death.seeds}: ${death.said.slice(0, 90)}`;
    process.stdout.write(`${mutant.name}\n    ${end}\n`);
  }
  const found = tried.length - survivors.length;
  process.stdout.write(`${found} of ${tried.length} planted faults were found\n`);
  for (const { name, file } of survivors) process.stdout.write(`not found: ${name} (${file})\n`);
  if (survivors.length > 0) process.exitCode = 1;
}

await main();
