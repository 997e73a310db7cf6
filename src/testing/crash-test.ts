// crashTest: a scenario is run once to learn what it commits, and then again for every commit and
// every record, with the process dying there and another going on. What came out in the end must be
// what came out without a crash.
import { targetText } from "../replay/mismatch.ts";
import { type CrashPoint, type Finding, failureOf, lineOf } from "./crash-report.ts";
import { CrashRun, type CrashTestOptions } from "./crash-run.ts";
import { differenceOf, partingOf } from "./outcome.ts";
import { awaitedOutside } from "./outside.ts";

export interface CrashTestResult {
  /** Crashes tried. */
  readonly crashes: number;
  /** Commits, and records, of the scenario without a crash. */
  readonly commits: number;
  readonly records: number;
}

/**
 * Runs a scenario once, then again for every commit and every record of it, with the process dying
 * there: nothing more is done or written, another engine opens on what was durable and goes on, and
 * what the scenario was waiting for is asked again. Time is virtual: sleeps of days take no time.
 *
 * The result of `run`, every invocation and what it was sent, every step completed, every state and
 * promise must be the same in the end. Bodies of steps may run again, as they may in life; what they
 * gave without a crash is what they give then, so that they may use clocks, chance and the network.
 *
 * @throws HoldfastError `CRASH_TEST_FAILED` for the first crash that makes a difference, with the
 * journal beside the lines that wrote it.
 * @example
 * test("a trip survives any crash", () =>
 *   crashTest({ services: [trips], run: (client) => client.call(trips).book("Lisbon") }));
 */
export async function crashTest(options: CrashTestOptions): Promise<CrashTestResult> {
  const model = await modelOf(options);
  const again = await new CrashRun({ ...options, batchOfOne: false, model }).run();
  await check(options, again, undefined, model);
  let crashes = 0;
  let records = 0;
  for (const batchOfOne of [false, true]) {
    const undisturbed = batchOfOne ? await modelOf(options, model) : model;
    if (batchOfOne) records = undisturbed.commits;
    const { commits } = undisturbed;
    for (let commit = 1; commit <= commits; commit++) {
      for (const when of ["before", "after"] as const) {
        const run = new CrashRun({ ...options, batchOfOne, model, death: { commit, when } });
        await run.run();
        if (!run.died) continue;
        crashes++;
        await check(options, run, { commit, commits, when, batchOfOne }, model);
      }
    }
  }
  return { crashes, commits: model.commits, records };
}

/** A run without a crash: what others are compared with. */
async function modelOf(options: CrashTestOptions, model?: CrashRun): Promise<CrashRun> {
  const run = await new CrashRun({ ...options, batchOfOne: model !== undefined, model }).run();
  await check(options, run, undefined, model);
  return run;
}

async function check(
  options: CrashTestOptions,
  run: CrashRun,
  point: CrashPoint | undefined,
  model: CrashRun | undefined,
): Promise<void> {
  const finding =
    (await stoppedFinding(options, run)) ??
    unawaitedFinding(run) ??
    repeatedFinding(run) ??
    (model === undefined ? undefined : differenceFinding(model, run));
  if (finding !== undefined) throw failureOf(finding, run, point);
}

/** A handler that asked for something other than its journal holds, or awaited what is not in it. */
async function stoppedFinding(
  options: CrashTestOptions,
  run: CrashRun,
): Promise<Finding | undefined> {
  if (run.stopped === undefined) return undefined;
  const { row, failure } = run.stopped;
  const { code, message, data } = failure;
  if (code === "UNJOURNALED_AWAIT") {
    const line = await awaitedOutside(options);
    return {
      happened: `${targetText(row)} awaited something that is not in its journal.`,
      row,
      line: line ?? lineOf(run, row, lastAsked(run, row), true),
      fix: "Put it into ctx.run(name, () => …), so that its result is kept and it is not repeated.",
    };
  }
  if (code !== "JOURNAL_MISMATCH") {
    return { happened: `${targetText(row)} was paused: ${message}`, row, fix: "" };
  }
  const { index, expected, actual } = data as unknown as {
    readonly index: number;
    readonly expected: string;
    readonly actual: string;
  };
  const what = `command ${index}`;
  return {
    happened: `${targetText(row)} asked for something other than its journal holds, on replay.`,
    difference: { what, expected, actual },
    row,
    entry: index,
    line: causeOf(run, row.incarnation) ?? lineOf(run, row, index, true),
    fix: causeText(run, row.incarnation),
  };
}

function lastAsked(run: CrashRun, { incarnation }: { readonly incarnation: string }): number {
  return Math.max(0, ...run.lines.map((life) => (life.get(incarnation)?.length ?? 0) - 1));
}

function unawaitedFinding(run: CrashRun): Finding | undefined {
  for (const [incarnation, asked] of run.unlooked) {
    const all = [...run.history.invocations.values()];
    const row = all.find((one) => one.incarnation === incarnation);
    const name = row === undefined ? "A handler" : targetText(row);
    return {
      happened: `${name} ended, and nobody had awaited its ctx.${asked.method}.`,
      row,
      entry: asked.index,
      line: asked.at.line,
      fix: "Await it, or use ctx.send when its result does not matter.",
    };
  }
  return undefined;
}

function repeatedFinding(run: CrashRun): Finding | undefined {
  const [asked] = run.repeated;
  if (asked === undefined) return undefined;
  return {
    happened: "A step ran again although its result was durable.",
    entry: asked.index,
    line: asked.at.line,
    fix: "This is a fault of Holdfast: please report it with this scenario.",
  };
}

function differenceFinding(model: CrashRun, run: CrashRun): Finding | undefined {
  const difference = differenceOf(model, run);
  if (difference === undefined) return undefined;
  const parting = partingOf(model, run);
  const incarnation = parting?.row.incarnation ?? [...run.reads.keys()][0] ?? "";
  const crash = run.died ? "after a crash" : "in a second run, without any crash";
  return {
    happened: `${capital(difference.what)} is not the same ${crash}.`,
    difference,
    row: parting?.row,
    entry: parting?.index,
    line: causeOf(run, incarnation) ?? (parting && lineOf(run, parting.row, parting.index, true)),
    fix: run.died
      ? causeText(run, incarnation)
      : "Something outlives a run: a module's variable, or a mock. Keep what handlers need in state, and put mocks back in `before`.",
  };
}

function causeOf(run: CrashRun, incarnation: string) {
  return run.reads.get(incarnation)?.find(({ at }) => at.line !== undefined)?.at.line;
}

function causeText(run: CrashRun, incarnation: string): string {
  const read = run.reads.get(incarnation)?.[0];
  if (read === undefined) {
    return (
      "Between awaits of its context a handler may depend only on its input and on what the " +
      "context gave it: a module's variable, a clock or chance is not the same after a crash."
    );
  }
  const instead = /random|crypto/i.test(read.what) ? "ctx.rand" : "ctx.date.now()";
  return `The handler used ${read.what}, which is not the same on replay: use ${instead}, or ctx.run.`;
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
