// A great many invocations asleep: what memory they take, and how long a process that opens their
// folder takes to serve. Three lives of a process: one fills the folder and is killed, one opens it
// after that, one after an end in order.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { atMost, type Figure } from "./figure.ts";
import type { Life } from "./sleepers-child.ts";

export async function measure(count: number): Promise<Figure[]> {
  const lives = await live(count);
  const most = (of: (life: Life) => number): number => Math.max(...lives.map(of));
  const restarts = lives.slice(1).map(({ openMs }) => openMs);
  return [
    atMost(400, { name: "sleeping.rssMb", unit: "MB", value: most(({ rssMb }) => rssMb) }),
    atMost(550, { name: "sleeping.peakMb", unit: "MB", value: most(({ peakMb }) => peakMb) }),
    atMost(2000, { name: "sleeping.restartMs", unit: "ms", value: Math.max(...restarts) }),
  ];
}

/** The one that fills, then the two that restart. */
export async function live(count: number): Promise<readonly Life[]> {
  const folder = mkdtempSync(join(tmpdir(), "bench-sleepers-"));
  const data = join(folder, "data");
  try {
    return [
      await one(data, count, (child) => child.kill("SIGKILL")),
      await one(data, 0, (child) => child.stdin?.end("end\n")),
      await one(data, 0, (child) => child.stdin?.end("end\n")),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The child's types are taken off here: a loader in the measured process would be measured. */
function program(): string {
  const path = fileURLToPath(new URL("sleepers-child.ts", import.meta.url));
  const { ESNext } = ts.ModuleKind;
  const compilerOptions = { target: ts.ScriptTarget.ES2022, module: ESNext };
  return ts.transpileModule(readFileSync(path, "utf8"), { compilerOptions }).outputText;
}

/** One life, up to its word; then `end` ends it. */
function one(data: string, count: number, end: (child: ChildProcess) => void): Promise<Life> {
  const cwd = fileURLToPath(new URL("..", import.meta.url));
  const args = ["--input-type=module", "-e", program(), data, String(count)];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd, stdio: ["pipe", "pipe", "inherit"] });
    let said = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      said += text;
      if (said.endsWith("\n")) end(child);
    });
    child.once("error", reject);
    child.once("close", (code, signal) => {
      if (said.endsWith("\n")) resolve(JSON.parse(said) as Life);
      else reject(new Error(`node ended with ${code ?? signal} and said nothing`));
    });
  });
}
