// The wall clock of a real process is put forward and back, stands still, and is another one after a
// restart. No sleep is lost, none ends twice, none ends before the time that stands in its timer.
// TIMERS=n for more than 200 of each.
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { compileProgram, type Program } from "../support/program.ts";
import type { ClockOrder } from "./clock/child.ts";
import { EngineProcess } from "./directory/engine-process.ts";
import { Control, compileShim } from "./shim/control.ts";

const shim = compileShim("clocks");
const timers = Number(process.env["TIMERS"] ?? 200);
const patienceMs = 120_000 + timers * 5;
const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
/** Long enough for whatever would wake too early to do so. */
const momentMs = 250;
const moment = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, momentMs));

let program: Program;
let folder: string;
let data: string;
let control: Control;
let engine: EngineProcess<ClockOrder>;
let sent: number;

beforeAll(async () => {
  program = await compileProgram(new URL("./clock/child.ts", import.meta.url));
});
afterAll(() => {
  program.remove();
  shim?.remove();
});

beforeEach(async () => {
  if (shim === undefined) return;
  folder = mkdtempSync(join(tmpdir(), "holdfast-clock-"));
  data = join(folder, "data");
  mkdirSync(data, { mode: 0o700 });
  control = new Control(shim, folder, data);
  sent = 0;
  await start();
}, 60_000);
afterEach(async () => {
  if (shim === undefined) return;
  await engine.kill();
  control.close();
  rmSync(folder, { recursive: true, force: true });
});

async function start(): Promise<void> {
  const args = [data, join(folder, "woken")];
  engine = new EngineProcess(program.path, { args, env: control.env });
  await engine.get({ do: "open" });
}

async function restart(clockMs: number): Promise<void> {
  await engine.kill();
  control.clockMs = clockMs;
  await start();
}

async function sleep(ms: number, count = timers): Promise<void> {
  await engine.get({ do: "sleep", from: sent, count, ms });
  sent += count;
}

/** The numbers of those that have woken, in the order in which they did. */
async function woken(): Promise<number[]> {
  const lines = ((await engine.get({ do: "woken" })) as string).trimEnd().split("\n");
  const seen = lines.filter((line) => line !== "").map((line) => line.split(" ").map(Number));
  expect(seen.filter(([, early = 0]) => early > 0)).toEqual([]);
  return seen.map(([n]) => n as number);
}

/** All that were ever sent, each once. */
async function allWoke(): Promise<void> {
  for (let at = await woken(); at.length < sent; at = await woken()) await moment();
  await moment();
  const at = await woken();
  expect(at).toHaveLength(sent);
  expect(new Set(at).size).toBe(sent);
}

describe.skipIf(shim === undefined)("a wall clock", () => {
  test.each([
    ["an hour", hour],
    ["a day", day],
  ])(
    "that is put %s forward: what is due by it wakes, and nothing else does",
    async (_name, ms) => {
      await sleep(ms - minute);
      const later = sent;
      await sleep(ms + hour);
      control.clockMs = ms;
      // What is armed from now on tells that the clock has gone.
      await sleep(1, 1);
      while ((await woken()).length < timers + 1) await moment();
      expect((await woken()).filter((n) => n >= later && n < later + timers)).toEqual([]);
      control.clockMs = 2 * ms + hour;
      await sleep(1, 1);
      await allWoke();
    },
    patienceMs,
  );

  test(
    "that stands still wakes nobody, and all when it goes again",
    async () => {
      control.frozenAt = Date.now();
      await sleep(50);
      await moment();
      expect(await woken()).toEqual([]);
      control.frozenAt = undefined;
      await allWoke();
    },
    patienceMs,
  );

  test(
    "that is put back wakes nobody before what stands in the timer",
    async () => {
      await sleep(5 * minute);
      await sleep(40);
      control.clockMs = -day;
      await sleep(1, 1);
      await moment();
      // The shorter ones may have been due before.
      expect((await woken()).filter((n) => n < timers)).toEqual([]);
      await restart(6 * minute);
      await allWoke();
    },
    patienceMs,
  );

  test(
    "that is another one after each restart",
    async () => {
      await sleep(30 * minute);
      await restart(-day);
      expect(await engine.get({ do: "events" })).toContainEqual({
        kind: "clockBackwards",
        ms: expect.any(Number),
      });
      await sleep(10 * minute);
      await moment();
      expect(await woken()).toEqual([]);
      await restart(20 * minute);
      while ((await woken()).length < timers) await moment();
      await restart(hour);
      await allWoke();
      await restart(day);
      await moment();
      await allWoke();
    },
    patienceMs,
  );

  test(
    "and sixty days, which are longer than Node's timers reach, are slept",
    async () => {
      await sleep(60 * day);
      await moment();
      expect(await woken()).toEqual([]);
      expect(engine.stderr).not.toContain("TimeoutOverflowWarning");
      control.clockMs = 60 * day - hour;
      await sleep(1, 1);
      while ((await woken()).length < 1) await moment();
      expect(await woken()).toEqual([timers]);
      control.clockMs = 60 * day + minute;
      await sleep(1, 1);
      await allWoke();
    },
    patienceMs,
  );
});
