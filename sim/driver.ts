// Runs seeds in processes beside each other and gathers what came of them.
import { type ChildProcess, fork } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundle, type Planted } from "./build.ts";
import type { Answered, Asked } from "./worker.ts";

export interface RunOptions {
  /** The next seed, undefined when there is no more. */
  next(): Asked | undefined;
  /** Told of each answer; true ends the run. */
  answered(answer: Answered): boolean;
  readonly workers: number;
  readonly planted?: Planted | undefined;
}

/** The longest that one seed may take in real time, in ms: more of it turns without end. */
const seedMsMax = 120_000;

export async function runSeeds(options: RunOptions): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-sim-"));
  try {
    const program = join(folder, "worker.mjs");
    await bundle("sim/worker.ts", program, options.planted);
    const stop = { now: false };
    const workers = Array.from({ length: options.workers }, () => work(program, options, stop));
    await Promise.all(workers);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** One process; where a seed ends it, that is the seed's answer, and another process goes on. */
async function work(program: string, options: RunOptions, stop: { now: boolean }): Promise<void> {
  let child: ChildProcess | undefined;
  try {
    for (;;) {
      const asked = stop.now ? undefined : options.next();
      if (asked === undefined) return;
      child ??= fork(program, { execArgv: ["--stack-trace-limit=20"], silent: true });
      const answer = await answerOf(child, asked);
      if (answer.ended) child = undefined;
      if (options.answered(answer)) stop.now = true;
    }
  } finally {
    child?.kill("SIGKILL");
  }
}

function answerOf(child: ChildProcess, asked: Asked): Promise<Answered & { ended?: boolean }> {
  return new Promise((resolve) => {
    let said = "";
    const hear = (chunk: Buffer): void => void (said += chunk.toString());
    const over = (answer: Answered & { ended?: boolean }): void => {
      clearTimeout(late);
      child.removeAllListeners();
      child.stderr?.removeAllListeners();
      resolve(answer);
    };
    const lost = (why: string): void => {
      child.kill("SIGKILL");
      const none = { reached: [], hash: "", events: 0, virtualMs: 0, realMs: 0 };
      over({
        ...none,
        seed: asked.seed,
        violations: [`I10: ${why} ${said.slice(0, 3000)}`],
        ended: true,
      });
    };
    const late = setTimeout(() => lost(`no end after ${seedMsMax} ms`), seedMsMax);
    child.stderr?.on("data", hear);
    child.stdout?.resume();
    child.once("exit", (code, signal) => lost(`the process ended (${code ?? signal})`));
    child.once("message", (answer) => over(answer as Answered));
    child.send(asked);
  });
}
