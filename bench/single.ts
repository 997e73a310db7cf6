// One at a time, in process, a handler with one step: what a caller waits for, beside two bare group
// commits of the same bytes. Both alternate, call by call.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Engine, service } from "holdfast";
import { appendTo, batchBytes, commitsOf, openFileChangelog, recordLine } from "./commits.ts";
import { atMost, type Figure, median } from "./figure.ts";

const warmUps = 500;

const greeter = service("Greeter", {
  async greet(ctx, name: string): Promise<string> {
    const word = await ctx.run("choose a word", () => "Hello");
    return `${word}, ${name}`;
  },
});

export interface Single {
  readonly callMs: number;
  readonly commitsMs: number;
}

export async function measure(calls = 5000): Promise<Figure[]> {
  const { callMs, commitsMs } = await compare(calls);
  return [atMost(2.5, { name: "single.ratio", unit: "ratio", value: callMs / commitsMs })];
}

/** Medians of both. */
export async function compare(calls: number): Promise<Single> {
  const ask = (engine: Engine): Promise<string> => engine.call(greeter).greet("Sarah");
  const { beforeStep, afterStep } = await commitsOf([greeter], ask);
  const batches = [beforeStep, afterStep].map((records) => ({
    count: records.length,
    bytes: batchBytes(records.map(({ time, changes }) => recordLine(time, changes))),
  }));
  const folder = mkdtempSync(join(tmpdir(), "bench-single-"));
  const engine = await Engine.open({ services: [greeter], data: join(folder, "engine") });
  const changelog = await openFileChangelog({ directory: join(folder, "bare") });
  const called: number[] = [];
  const committed: number[] = [];
  try {
    for (let call = -warmUps; call < calls; call++) {
      const begun = performance.now();
      await ask(engine);
      const between = performance.now();
      for (const { bytes, count } of batches) await appendTo(changelog, bytes, count);
      if (call < 0) continue;
      called.push(between - begun);
      committed.push(performance.now() - between);
    }
  } finally {
    await engine.close();
    await changelog.close();
    rmSync(folder, { recursive: true, force: true });
  }
  return { callMs: median(called), commitsMs: median(committed) };
}
