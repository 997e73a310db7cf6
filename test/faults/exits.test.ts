// However a host ends while its engine folds at full speed, it ends with its own exit code: the
// SQLite library aborts a process that ends while a thread of it is inside a statement. And what
// the engine leaves behind opens again. EXITS=n for more than two of each kind.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compileProgram, type Program } from "../support/program.ts";

/** As in load.ts: how long after a burst its write begins, and is under way. */
const writeAfterMs = 25;
const writeMs = 45;

const times = Number(process.env["EXITS"] ?? 2);
const sideBySide = 2;

let program: Program;
let cases: Program;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-exits-"));
  program = await compileProgram(new URL("./exits/child.ts", import.meta.url));
  cases = await compileProgram(new URL("./exits/load.ts", import.meta.url));
});

afterAll(() => {
  program.remove();
  cases.remove();
  rmSync(folder, { recursive: true, force: true });
});

interface End {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
}

async function ended(
  args: readonly string[],
  signal?: NodeJS.Signals,
  env: Readonly<Record<string, string>> = {},
): Promise<End> {
  const child = spawn(process.execPath, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...env },
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      output += chunk.toString();
      if (signal !== undefined && output.includes("loaded\n")) {
        setTimeout(() => child.kill(signal), Number(args.at(-1)));
      }
    });
  }
  const [code, by] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
  return { code, signal: by, output };
}

/** Spread over the time that the write takes. */
const after = (i: number): number => Math.round((i * writeMs) / times);

/** Runs all of them, some side by side, and answers how each ended. */
async function endings(
  act: (directory: string, i: number) => Promise<End>,
  expected: (end: End) => boolean,
): Promise<string[]> {
  const wrong: string[] = [];
  const left = Array.from({ length: times }, (_, i) => i);
  const lane = async (): Promise<void> => {
    for (let i = left.pop(); i !== undefined; i = left.pop()) {
      const directory = mkdtempSync(join(folder, "data-"));
      const end = await act(directory, i);
      if (!expected(end)) wrong.push(`${i}: ${end.code} ${end.signal} ${end.output.slice(-600)}`);
      rmSync(directory, { recursive: true, force: true });
    }
  };
  await Promise.all(Array.from({ length: sideBySide }, lane));
  return wrong;
}

const ways: readonly [name: string, way: string, code: number | null, signal?: NodeJS.Signals][] = [
  ["process.exit(7) ends with 7", "exit", 7],
  ["an uncaught error ends with 1", "throw", 1],
  ["an unhandled rejection ends with 1", "reject", 1],
  ["Ctrl-C ends by SIGINT", "wait", null, "SIGINT"],
  ["SIGTERM ends by SIGTERM", "wait", null, "SIGTERM"],
];

describe("a host ends while its engine folds", () => {
  test.each(ways)(
    "%s",
    async (_name, way, code, signal) => {
      const wrong = await endings(
        (directory, i) =>
          ended([program.path, way, directory, `${writeAfterMs + after(i)}`], signal),
        (end) => end.code === code && (end.signal ?? undefined) === signal,
      );
      expect(wrong).toEqual([]);
    },
    30_000 + times * 4000,
  );

  test.each(["forks", "threads"])(
    "a test runner closes its %s",
    async (pool) => {
      const wrong: string[] = [];
      for (let left = times; left > 0; left -= filesMax) {
        const end = await runnerEnd(pool, Math.min(left, filesMax));
        if (end !== undefined) wrong.push(end);
      }
      expect(wrong).toEqual([]);
    },
    30_000 + times * 3000,
  );
});

const filesMax = 20;
const vitest = fileURLToPath(new URL("../../node_modules/vitest/vitest.mjs", import.meta.url));

/** Runs a project of so many test files, each leaving its engine open; undefined if it ends well. */
async function runnerEnd(pool: string, files: number): Promise<string | undefined> {
  const root = mkdtempSync(join(folder, "project-"));
  const load = join(root, "load.mjs");
  copyFileSync(cases.path, load);
  const config = { test: { include: ["*.case.mjs"], server: { deps: { external: [load] } } } };
  writeFileSync(join(root, "vitest.config.mjs"), `export default ${JSON.stringify(config)};\n`);
  for (let i = 0; i < files; i++) {
    // The runner takes some time of its own before it ends a thread.
    const ms = Math.round((i * writeMs) / files);
    writeFileSync(
      join(root, `${i}.case.mjs`),
      `import { underLoad } from ${JSON.stringify(load)};
      test("leaves its engine open", async () => {
        await underLoad(${JSON.stringify(join(root, `${i}`))});
        await new Promise((resolve) => setTimeout(resolve, ${ms}));
      });`,
    );
  }
  const args = ["run", "--root", root, "--pool", pool, "--globals", "--no-color"];
  const end = await ended([vitest, ...args]);
  rmSync(root, { recursive: true, force: true });
  const passed = end.code === 0 && end.output.includes(`Test Files  ${files} passed`);
  return passed ? undefined : `${end.code} ${end.signal} ${end.output.slice(-1500)}`;
}
