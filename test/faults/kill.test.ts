// T4: a real process on a real disk, killed at random times and started again, judged from outside.
// KILLS=n for more than the usual number, KILL_SEED=… to repeat a run.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { compileProgram, type Program } from "../support/program.ts";
import { judge } from "./kill/checker.ts";
import { readLog } from "./kill/log.ts";
import { type RunOptions, run } from "./kill/run.ts";

const kills = Number(process.env["KILLS"] ?? 10);
/** Kills of one directory; several are worked on side by side. */
const perRun = 10;
const sideBySide = 3;

const seedOnly = process.env["KILL_SEED"];
const seeds =
  seedOnly !== undefined
    ? [seedOnly]
    : Array.from({ length: Math.max(1, Math.round(kills / perRun)) }, (_, i) => `${i + 1}`);

let program: Program;

beforeAll(async () => {
  program = await compileProgram(new URL("./kill/child.ts", import.meta.url));
});

afterAll(() => program.remove());

interface Outcome {
  readonly failure: string | undefined;
  readonly counts: Readonly<Record<string, number>>;
}

async function judged(seed: string): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-kill-"));
  const poison = Number(seed) % 3 === 0;
  const options: RunOptions = { program: program.path, folder, seed, kills: perRun, poison };
  const report = await run(options);
  const verdict = judge(readLog(report.log));
  // Where lives went wrong by themselves, there is no end that could be judged.
  const violations = report.violations.length > 0 ? report.violations : verdict.violations;
  const counts = { ...report.counts, ...verdict.counts };
  if (violations.length === 0) {
    if (process.env["KEEP"] === undefined) rmSync(folder, { recursive: true });
    return { failure: undefined, counts };
  }
  const some = violations.slice(0, 20).join("\n  ");
  const failure =
    `seed ${seed}: ${violations.length} violations\n  ${some}\nkept in ${folder}\n` +
    `repeat: KILL_SEED=${seed} npx vitest run test/faults/kill.test.ts`;
  return { failure, counts };
}

test(
  "what was acknowledged survives every kill, and everything accepted ends",
  async () => {
    const totals: Record<string, number> = {};
    const failures: string[] = [];
    const waiting = [...seeds];
    const lane = async (): Promise<void> => {
      for (let seed = waiting.shift(); seed !== undefined; seed = waiting.shift()) {
        const { failure, counts } = await judged(seed);
        if (failure !== undefined) failures.push(failure);
        for (const [name, n] of Object.entries(counts)) totals[name] = (totals[name] ?? 0) + n;
      }
    };
    await Promise.all(Array.from({ length: sideBySide }, lane));
    process.stdout.write(`kill -9: ${JSON.stringify(totals)}\n`);
    expect(failures.join("\n\n")).toBe("");
    expect(totals["refused"]).toBeGreaterThan(0);
  },
  60_000 + kills * 20_000,
);
