// System calls of a real process that fail, the n-th of each kind: writes, syncs, renames and
// opens, of the changelog and of the table's files. A sync that fails takes back what it was to keep.
// Afterwards everything that was acknowledged is there, once, and nothing was acknowledged behind a
// failure that ends the engine. DISK_FAULTS=n for more than a sample; "all" for every call.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Engine } from "../../src/index.ts";
import { Prng } from "../../src/std/prng.ts";
import { compileProgram, type Program } from "../support/program.ts";
import { list } from "./disk/services.ts";
import {
  type CallKind,
  Control,
  calls,
  compileShim,
  type Fault,
  type FaultCode,
} from "./shim/control.ts";

const shim = compileShim("disk errors");
const asked = process.env["DISK_FAULTS"] ?? "14";
const appends = 20;
const clients = 3;
const nthMax = 500;
const sideBySide = 2;
/** As in disk/child.ts, which is a program and cannot be imported. */
const stoppedCode = 70;
const refusedCode = 71;

let program: Program;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-disk-"));
  program = await compileProgram(new URL("./disk/child.ts", import.meta.url));
});
afterAll(() => {
  program.remove();
  shim?.remove();
  rmSync(folder, { recursive: true, force: true });
});

interface Run {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
  readonly lines: readonly string[][];
  readonly control: Control;
  readonly data: string;
  readonly remove: () => void;
}

/** `meanwhile` is called as long as the process runs. */
async function run(fault: Fault, meanwhile?: (at: Control) => void): Promise<Run> {
  const at = mkdtempSync(join(folder, "run-"));
  const data = join(at, "data");
  mkdirSync(data, { mode: 0o700 });
  const control = new Control(shim as NonNullable<typeof shim>, at, data);
  control.arm(fault);
  const child = spawn(process.execPath, [program.path, data, `${appends}`, `${clients}`], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...control.env },
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
  }
  const ended = once(child, "close") as Promise<[number | null, NodeJS.Signals | null]>;
  const timer = setInterval(() => meanwhile?.(control), 10);
  const [code, signal] = await ended;
  clearInterval(timer);
  const lines = linesOf(control);
  const remove = (): void => {
    control.close();
    rmSync(at, { recursive: true, force: true });
  };
  return { code, signal, output, lines, control, data, remove };
}

function linesOf({ log }: Control): string[][] {
  const lines = readFileSync(log, "utf8").trimEnd().split("\n");
  return lines.map((line) => line.split(" "));
}

/** What is wrong with a run, in words; nothing where all holds. */
async function faultsOf({ code, signal, output, lines, data }: Run): Promise<string[]> {
  const wrong: string[] = [];
  const stops = lines.findIndex(([kind]) => kind === "fatal");
  // A segment that is being prepared holds nothing yet: there the engine ends when it hears of it.
  const unsynced = lines.findIndex(
    ([is, kind, , path]) =>
      is === "fault" && Number(kind) === calls.sync && path?.endsWith(".segment") === true,
  );
  const end = unsynced === -1 ? stops : unsynced;
  if (signal !== null || ![0, stoppedCode, refusedCode].includes(code ?? -1)) {
    wrong.push(`ended with ${code} ${signal}: ${output.slice(-500)}`);
  }
  if (stops !== -1 && code !== stoppedCode) wrong.push(`stopped, and ended with ${code}`);
  for (const line of lines) {
    const last = line.at(-1) ?? "";
    const named = ["fatal", "refused", "error", "close"].includes(line[0] ?? "");
    if (named && !/^[A-Z]+(_[A-Z]+)+$/.test(last)) wrong.push(`no code: ${line.join(" ")}`);
  }
  const askedAt = new Map<string, number>();
  for (const [i, [kind, key, item]] of lines.entries()) {
    if (kind === "ask") askedAt.set(`${key} ${item}`, i);
    if (kind !== "ack" || end === -1) continue;
    const at = askedAt.get(`${key} ${item}`) ?? -1;
    if (at > end)
      wrong.push(`${key} ${item} was asked after ${lines[end]?.join(" ")} and acknowledged`);
  }
  const opened = await Engine.open({ services: [list], data });
  const cannot = await opened.start().catch((error: unknown) => String(error));
  if (typeof cannot === "string") return [...wrong, `cannot be opened again: ${cannot}`];
  for (let key = 0; key < clients; key++) {
    const items = await opened.call(list, `${key}`).read();
    const of = (kind: string): number[] =>
      lines.flatMap(([is, k, item]) => (is === kind && Number(k) === key ? [Number(item)] : []));
    const lost = of("ack").filter((item) => !items.includes(item));
    if (lost.length > 0) wrong.push(`key ${key}: acknowledged and lost: ${lost.join(" ")}`);
    const never = items.filter((item) => !of("ask").includes(item));
    const ordered = items.every((item, i) => i === 0 || item > (items[i - 1] as number));
    if (never.length > 0 || !ordered) wrong.push(`key ${key} holds ${items.join(" ")}`);
  }
  await opened.close();
  return wrong;
}

const kinds: readonly (readonly [call: CallKind, code: FaultCode])[] = [
  ["write", "EIO"],
  ["sync", "EIO"],
  ["sync", "ENOSPC"],
  ["rename", "EIO"],
  ["rename", "EROFS"],
  ["open", "EIO"],
  ["open", "EMFILE"],
  ["open", "EROFS"],
];

describe.skipIf(shim === undefined)("a disk that fails", () => {
  test(
    "nothing acknowledged is lost, and nothing is acknowledged behind the failure",
    async () => {
      const all: Fault[] = [];
      for (const scope of ["changelog", "table"] as const) {
        const never = { call: "write", code: "EIO", nth: 1e9, forGood: false, scope } as const;
        const whole = await run(never);
        expect(await faultsOf(whole)).toEqual([]);
        expect(whole.code).toBe(0);
        expect(whole.lines.filter(([kind]) => kind === "ack")).toHaveLength(appends * clients);
        for (const [call, code] of kinds) {
          const last = Math.min(whole.control.count(call), nthMax);
          for (let nth = 1; nth <= last; nth++) {
            for (const forGood of [false, true]) all.push({ call, code, nth, forGood, scope });
          }
        }
        whole.remove();
      }
      const left = asked === "all" ? all : sample(all, Number(asked));
      const counts: Record<string, number> = { runs: 0, fired: 0 };
      const failures: string[] = [];
      const lane = async (): Promise<void> => {
        for (let fault = left.pop(); fault !== undefined; fault = left.pop()) {
          const one = await run(fault);
          const wrong = await faultsOf(one);
          if (one.control.fired > 0) counts["fired"] = (counts["fired"] ?? 0) + 1;
          const end = `${fault.scope} ${fault.call} ends ${one.code}`;
          counts["runs"] = (counts["runs"] ?? 0) + 1;
          if (one.control.fired > 0) counts[end] = (counts[end] ?? 0) + 1;
          if (wrong.length > 0) failures.push(`${JSON.stringify(fault)}\n  ${wrong.join("\n  ")}`);
          one.remove();
        }
      };
      await Promise.all(Array.from({ length: sideBySide }, lane));
      process.stdout.write(`disk errors: ${JSON.stringify(counts)}\n`);
      expect(failures.join("\n")).toBe("");
      expect(counts["fired"]).toBeGreaterThan(0);
    },
    60_000 + (asked === "all" ? 5000 : Number(asked)) * 5000,
  );

  test.each([1, 12, 24])(
    "a write that finds no room, number %i, waits; with room it goes on",
    async (nth) => {
      const fault = { call: "write", code: "ENOSPC", forGood: true, scope: "changelog" } as const;
      const one = await run({ ...fault, nth }, (control) => {
        if (control.fired >= 3) control.disarm();
      });
      expect(await faultsOf(one)).toEqual([]);
      const count = (kind: string): number => one.lines.filter(([is]) => is === kind).length;
      expect(count("fault")).toBeGreaterThanOrEqual(3);
      expect([one.code, count("fatal"), count("ack")]).toEqual([0, 0, appends * clients]);
      expect(one.lines.filter(([kind]) => kind === "read").length).toBeGreaterThan(0);
      one.remove();
    },
    60_000,
  );
});

function sample<T>(from: readonly T[], length: number): T[] {
  const random = new Prng("disk errors");
  return Array.from({ length }, () => from[random.integer(from.length)] as T);
}
