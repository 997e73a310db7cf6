// One run: a directory and a log, lives that end by signals at seeded times, then lives that finish
// everything. What it leaves behind is for the checker.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { openConnection } from "../../../src/sqlite/driver.ts";
import { Prng } from "../../../src/std/prng.ts";
import type { LifeSetup } from "./child.ts";
import { refolded } from "./refold.ts";

/** As in child.ts, which is a program and cannot be imported. */
const refusedCode = 17;

export interface RunOptions {
  /** The compiled child. */
  readonly program: string;
  /** Exists and is empty. */
  readonly folder: string;
  readonly seed: string;
  readonly kills: number;
  /** Whether a handler that kills its process is among the handlers. */
  readonly poison: boolean;
}

export interface RunReport {
  readonly log: string;
  readonly directory: string;
  readonly counts: Record<"killed" | "terminated" | "suspended" | "refused" | "poisoned", number>;
  /** What went wrong in the running itself. */
  readonly violations: readonly string[];
}

/** The longest that everything may take to end once faults have stopped (O5). */
const finishMsMax = 60_000;

export async function run(options: RunOptions): Promise<RunReport> {
  const lives = new Lives(options);
  await lives.faults();
  await lives.finish();
  return lives.report;
}

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
}

class Lives {
  readonly #options: RunOptions;
  readonly #random: Prng;
  readonly #violations: string[] = [];
  readonly report: RunReport;
  #life = 0;

  constructor(options: RunOptions) {
    const { folder } = options;
    this.#options = options;
    this.#random = new Prng(options.seed);
    this.report = {
      log: join(folder, "log.jsonl"),
      directory: join(folder, "data"),
      counts: { killed: 0, terminated: 0, suspended: 0, refused: 0, poisoned: 0 },
      violations: this.#violations,
    };
  }

  async faults(): Promise<void> {
    const { kills, poison } = this.#options;
    const { counts } = this.report;
    for (let i = 0; counts.killed < kills && this.#violations.length === 0; i++) {
      const life = this.#begin(poison && i === 1 ? "poison" : "load");
      // Some while it starts and recovers, the others while it works.
      const soon = this.#random.random() < 0.25;
      const ms =
        i === 1 ? 900 : soon ? 20 + this.#random.integer(130) : 150 + this.#random.integer(1350);
      // The first lives see one of each other fault, the later ones some.
      const way = i < 3 ? i : this.#random.integer(12);
      await this.#fault(life, ms, way);
    }
  }

  async #fault(life: Life, ms: number, way: number): Promise<void> {
    const { counts } = this.report;
    if (way === 0) {
      await Promise.race([life.opened, life.ended]);
      const second = await this.#begin("second").ended;
      if (second.code === refusedCode) counts.refused++;
      else if (!life.over)
        this.#violations.push(`a second process was not refused: ${text(second)}`);
    }
    await Promise.race([pause(ms), life.ended]);
    if (way === 1) {
      life.child.kill("SIGSTOP");
      await pause(100);
      life.child.kill("SIGCONT");
      await Promise.race([pause(50), life.ended]);
      counts.suspended++;
    }
    const signal = way === 2 ? "SIGTERM" : "SIGKILL";
    const poisoned = life.over;
    life.child.kill(signal);
    const ended = await life.ended;
    if (ended.signal === "SIGKILL") counts.killed++;
    if (poisoned) counts.poisoned++;
    else if (signal === "SIGTERM") counts.terminated++;
    // A poisonous handler may have been first.
    const mayKill = this.#options.poison && ended.signal === "SIGKILL";
    const expected =
      mayKill || ended.signal === signal || (signal === "SIGTERM" && ended.code === 0);
    if (poisoned ? ended.signal !== "SIGKILL" : !expected) {
      this.#violations.push(`life ${life.number} ended by itself: ${text(ended)}`);
    }
  }

  /** Lives without faults until the table holds nothing unfinished, then one that reads. */
  async finish(): Promise<void> {
    const until = Date.now() + finishMsMax;
    for (;;) {
      const life = this.#begin("finish");
      const late = pause(Math.max(until - Date.now(), 1)).then(() => "late" as const);
      const ended = await Promise.race([life.ended, late]);
      if (ended === "late") {
        life.child.kill("SIGKILL");
        await life.ended;
        this.#violations.push(`O5: not finished after ${finishMsMax} ms: ${this.#unfinished()}`);
        return;
      }
      if (ended.signal === "SIGKILL" && this.#options.poison) {
        this.report.counts.poisoned++;
        continue;
      }
      if (ended.code !== 0) {
        this.#violations.push(`life ${life.number} failed: ${text(ended)}`);
        return;
      }
      const left = this.#unfinished();
      if (left === "") break;
      if (Date.now() > until) {
        this.#violations.push(`O5: unfinished after ${finishMsMax} ms: ${left}`);
        return;
      }
    }
    const ended = await this.#begin("read").ended;
    if (ended.code !== 0) this.#violations.push(`the last life failed: ${text(ended)}`);
    const { directory } = this.report;
    const differ = await refolded(directory, join(this.#options.folder, "again.sqlite"));
    for (const row of differ.slice(0, 5)) this.#violations.push(`O6: ${row.slice(0, 500)}`);
  }

  /** Whatever the table holds that has not ended, apart from what R10 has paused. */
  #unfinished(): string {
    const path = join(this.report.directory, "table.sqlite");
    const table = openConnection(path, { readOnly: true });
    try {
      const rows = table
        .prepare(`
        SELECT service, handler, status, failure_message AS why FROM unfinished
        WHERE NOT (handler = 'poison' AND status = 'paused')`)
        .all();
      return rows.map((row) => row.join(" ")).join("\n");
    } finally {
      table.close();
    }
  }

  #begin(mode: LifeSetup["mode"]): Life {
    const { log, directory } = this.report;
    const { program, seed } = this.#options;
    this.#life++;
    const setup: LifeSetup = { directory, log, life: this.#life, seed, mode };
    return new Life(this.#life, program, setup);
  }
}

class Life {
  readonly number: number;
  readonly child: ChildProcess;
  readonly opened: Promise<unknown>;
  readonly ended: Promise<Ended>;
  over = false;

  constructor(number: number, program: string, setup: LifeSetup) {
    this.number = number;
    const args = ["--enable-source-maps", program, JSON.stringify(setup)];
    const env = { ...process.env, UV_USE_IO_URING: "0" };
    this.child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"], env });
    let stderr = "";
    this.child.stderr?.on("data", (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    this.opened = once(this.child.stdout as NonNullable<ChildProcess["stdout"]>, "data");
    this.ended = once(this.child, "close").then(([code, signal]) => {
      this.over = true;
      return { code, signal, stderr } as Ended;
    });
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const text = ({ code, signal, stderr }: Ended): string =>
  `code ${code ?? "none"}, signal ${signal ?? "none"}, ${stderr.slice(0, 2000)}`;
