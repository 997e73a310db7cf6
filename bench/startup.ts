// From the start of a process to its first durable result, in a folder that is not there yet, beside
// a bare Node that only says that it runs. Both alternate in one run, each in a process of its own.
// Run: npx tsx bench/startup.ts, after a build.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { atMost, type Figure, median } from "./figure.ts";

const rounds = 15;
const targetMs = 120;

const bare = ["-e", "process.stdout.write('.')"];

const program = `
  import { Engine, service } from "holdfast";
  const greeter = service("Greeter", {
    async greet(ctx, name) {
      const word = await ctx.run("choose a word", () => "Hello");
      return word + ", " + name;
    },
  });
  const engine = await Engine.open({ services: [greeter], data: process.argv[1] });
  await engine.call(greeter).greet("Sarah");
  process.stdout.write(".");
  await engine.close();
`;

export async function measure(): Promise<Figure[]> {
  const { overMs } = await compare();
  return [atMost(targetMs, { name: "start.overNodeMs", unit: "ms", value: overMs })];
}

async function compare(): Promise<{ nodeMs: number; engineMs: number; overMs: number }> {
  const node: number[] = [];
  const engine: number[] = [];
  const folder = mkdtempSync(join(tmpdir(), "bench-startup-"));
  try {
    // The round before the first reads the files into the system's cache.
    for (let round = 0; round <= rounds; round++) {
      const data = join(folder, String(round));
      const took = [await said(bare), await said(["--input-type=module", "-e", program, data])];
      if (round === 0) continue;
      node.push(took[0] ?? Number.NaN);
      engine.push(took[1] ?? Number.NaN);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const [nodeMs, engineMs] = [median(node), median(engine)];
  return { nodeMs, engineMs, overMs: engineMs - nodeMs };
}

/** Milliseconds until the process says its first word. */
function said(args: readonly string[]): Promise<number> {
  const cwd = fileURLToPath(new URL("..", import.meta.url));
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const child = spawn(process.execPath, args, { cwd, stdio: ["ignore", "pipe", "inherit"] });
    let ms: number | undefined;
    child.stdout.once("data", () => {
      ms = performance.now() - started;
    });
    child.once("error", reject);
    child.once("close", (code) => {
      if (code === 0 && ms !== undefined) resolve(ms);
      else reject(new Error(`node ended with ${String(code)} and said ${String(ms)}`));
    });
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { nodeMs, engineMs, overMs } = await compare();
  const ms = (value: number): string => `${value.toFixed(0)} ms`;
  console.log(
    `start to first durable result: ${ms(overMs)} over bare node ` +
      `(${ms(engineMs)} against ${ms(nodeMs)}, medians of ${rounds}); target ${ms(targetMs)}`,
  );
}
