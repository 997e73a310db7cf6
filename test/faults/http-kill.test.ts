// A server is killed under its clients, again and again, and starts again on the same port: whoever
// asked with an idempotency key gets the answer, and what was asked for happened once.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { connect, contract } from "../../src/client/index.ts";
import { compileProgram, type Program } from "../support/program.ts";

const Counter = contract<{ add(by: number): Promise<number> }>("object", "Counter");
const keys = ["a", "b", "c"];
const callsPerKey = 40;
const killsAt = [20, 50, 80];

let folder: string;
let program: Program;
let child: ChildProcess | undefined;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-http-kill-"));
  program = await compileProgram(new URL("./http/child.ts", import.meta.url));
});

afterAll(() => {
  child?.kill("SIGKILL");
  program.remove();
  rmSync(folder, { recursive: true, force: true });
});

async function start(port: number): Promise<number> {
  const args = [program.path, join(folder, "data"), String(port)];
  const started = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  child = started;
  return new Promise((resolve, reject) => {
    started.stdout.once("data", (said: Buffer) => resolve(Number(String(said))));
    started.once("exit", (code) => reject(new Error(`the server ended with ${code}`)));
  });
}

async function kill(): Promise<void> {
  const killed = child as ChildProcess;
  const ended = new Promise((resolve) => killed.once("exit", resolve));
  killed.kill("SIGKILL");
  await ended;
}

test("each call is answered and counted once, however often the server dies", async () => {
  const port = await start(0);
  const client = connect({
    url: `http://127.0.0.1:${port}`,
    retry: { attempts: 1000, delay: 20, maxDelay: 50 },
  });
  let answered = 0;
  let restarts: Promise<unknown> = Promise.resolve();
  const call = async (key: string, i: number): Promise<number> => {
    const n = await client.call(Counter, key, { idempotencyKey: `call-${i}` }).add(1);
    if (killsAt.includes(++answered)) restarts = restarts.then(kill).then(() => start(port));
    return n;
  };
  const answers = await Promise.all(
    keys.map((key) => Promise.all(Array.from({ length: callsPerKey }, (_, i) => call(key, i)))),
  );
  await restarts;
  for (const [i, key] of keys.entries()) {
    // Each saw its own value, none was skipped and none added twice.
    const inOrder = Array.from({ length: callsPerKey }, (_, n) => n + 1);
    expect(answers[i]?.toSorted((a, b) => a - b)).toEqual(inOrder);
    expect(await client.call(Counter, key).add(0)).toBe(callsPerKey);
    // The same keys again are the same calls.
    expect(await client.call(Counter, key, { idempotencyKey: "call-7" }).add(1)).toBe(
      answers[i]?.[7],
    );
  }
  await client.close();
}, 60_000);
