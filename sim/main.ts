// make sim: searches seeds beside each other on all cores, or repeats one.
//   SEED=…     repeats one seed and prints all it noted
//   MINUTES=…  new seeds for so long
//   SEEDS=…    so many fixed ones of one engine, and CLUSTERS=… of a cluster; without any of these:
//              the kept ones, 200 and 40
import { appendFileSync, readFileSync } from "node:fs";
import { availableParallelism, loadavg } from "node:os";
import { fileURLToPath } from "node:url";
import { clusterSeed } from "./cluster/seeds.ts";
import { runSeeds } from "./driver.ts";
import { Report } from "./report.ts";
import type { Asked } from "./worker.ts";

const seedsFile = fileURLToPath(new URL("seeds.txt", import.meta.url));
const { SEED, MINUTES, SEEDS, CLUSTERS, WORKERS } = process.env;
const workers = Number(WORKERS ?? availableParallelism());

/** Seeds that once failed: one a line, behind it what it found. */
function kept(): string[] {
  const lines = readFileSync(seedsFile, "utf8").split("\n");
  return lines.flatMap((line) =>
    line.startsWith("#") || line.trim() === "" ? [] : [line.split(" ")[0] as string],
  );
}

function* fixed(count: number, of: string): Generator<string> {
  for (let i = 0; i < count; i++) yield `${of}${i}`;
}

/** Of one engine and of a cluster in turn; of one kind alone where only that is asked for. */
function* endless(): Generator<string> {
  const begun = Date.now().toString(36);
  for (let i = 0; ; i++) {
    if (SEEDS !== "0") yield `${begun}-${i}`;
    if (CLUSTERS !== "0") yield `${clusterSeed}${begun}-${i}`;
  }
}

function* seeds(): Generator<string> {
  if (SEED !== undefined) return void (yield SEED);
  yield* kept();
  if (MINUTES !== undefined) return yield* endless();
  yield* fixed(Number(SEEDS ?? 200), "");
  yield* fixed(Number(CLUSTERS ?? 40), clusterSeed);
}

async function main(): Promise<void> {
  const report = new Report({ single: SEEDS !== "0", cluster: CLUSTERS !== "0" });
  const until =
    MINUTES === undefined ? Number.POSITIVE_INFINITY : Date.now() + Number(MINUTES) * 60_000;
  const source = seeds();
  let asked = 0;
  await runSeeds({
    workers: SEED === undefined ? workers : 1,
    next: (): Asked | undefined => {
      if (Date.now() > until) return undefined;
      const { value: seed, done } = source.next();
      if (done === true) return undefined;
      return { seed: seed as string, twice: asked++ % 100 === 0, notes: SEED !== undefined };
    },
    answered: (answer) => {
      report.add(answer);
      for (const line of answer.notes ?? []) process.stdout.write(`${line}\n`);
      if (answer.violations.length === 0) return false;
      const [first = ""] = answer.violations;
      process.stdout.write(`make sim SEED=${answer.seed}   # ${first.split("\n")[0]}\n`);
      if (SEED !== undefined)
        for (const each of answer.violations) process.stdout.write(`${each}\n`);
      if (MINUTES !== undefined && !kept().includes(answer.seed)) {
        appendFileSync(seedsFile, `${answer.seed} ${first.split("\n")[0]?.slice(0, 100)}\n`);
      }
      return false;
    },
  });
  process.stdout.write(`${report.text(workers, loadavg()[0] ?? 0, SEED === undefined)}\n`);
  if (report.failed > 0) process.exitCode = 1;
}

await main();
