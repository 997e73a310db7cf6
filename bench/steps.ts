// Whether a step costs the same wherever it stands: one invocation of more than 10,000 steps, and
// short ones around it, each step timed from within the handler.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Engine, service } from "holdfast";
import { atMost, type Figure, median } from "./figure.ts";

/** The step looked at, and how many beside it on either side. */
interface Window {
  readonly step: number;
  readonly beside: number;
}

const early: Window = { step: 10, beside: 5 };
/** Short invocations after each long one: about as many steps looked at as there. */
const shortPerLong = 40;

const counter = service("Counter", {
  /** Milliseconds of each step of the window. */
  async count(ctx, { step, beside }: Window): Promise<number[]> {
    const times: number[] = [];
    for (let i = 1; i <= step + beside; i++) {
      const begun = performance.now();
      await ctx.run("count", () => i);
      if (i >= step - beside) times.push(performance.now() - begun);
    }
    return times;
  },
});

export interface Steps {
  readonly earlyMs: number;
  readonly lateMs: number;
}

export async function measure(rounds = 5, step = 10_000): Promise<Figure[]> {
  const { earlyMs, lateMs } = await compare(rounds, { step, beside: 200 });
  return [atMost(1.1, { name: "step10000.ratio", unit: "ratio", value: lateMs / earlyMs })];
}

/** Medians over all rounds. */
export async function compare(rounds: number, late: Window): Promise<Steps> {
  const folder = mkdtempSync(join(tmpdir(), "bench-steps-"));
  const engine = await Engine.open({ services: [counter], data: folder });
  const earlyTimes: number[] = [];
  const lateTimes: number[] = [];
  try {
    // The first round warms the code up.
    for (let round = 0; round <= rounds; round++) {
      const lateOnes = await engine.call(counter).count(late);
      const earlyOnes: number[] = [];
      for (let i = 0; i < shortPerLong; i++) {
        earlyOnes.push(...(await engine.call(counter).count(early)));
      }
      if (round === 0) continue;
      lateTimes.push(...lateOnes);
      earlyTimes.push(...earlyOnes);
    }
  } finally {
    await engine.close();
    rmSync(folder, { recursive: true, force: true });
  }
  return { earlyMs: median(earlyTimes), lateMs: median(lateTimes) };
}
