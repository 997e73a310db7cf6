// SQL of operators, answered in a process of its own: a question runs to its end and cannot be
// broken off, so that one which takes too long, or too much memory, is ended with its process. It is
// started by the first question and ends when none has come for a while.
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { type ErrorCode, HoldfastError } from "../model/errors.ts";
import type { NamedRows, SqlAnswer } from "../model/sql-message.ts";

export interface SqlProcessOptions {
  /** The worker's file: `sql-worker.js`, or `.ts` where this runs from source. */
  readonly entry: URL;
  /** How long one question may take. Default 5 s. */
  readonly msMax?: number | undefined;
}

/** Questions that wait for the one before; more are refused. */
const waitingMax = 8;
const idleMs = 30_000;
/** What starting may take, beside the first question. */
const startMsMax = 15_000;
const memoryMib = 512;

export class SqlProcess {
  readonly #options: SqlProcessOptions;
  #child: ChildProcess | undefined;
  #path = "";
  #waiting = 0;
  #last: Promise<unknown> = Promise.resolve();
  #idle: NodeJS.Timeout | undefined;

  constructor(options: SqlProcessOptions) {
    this.#options = options;
  }

  /** @throws HoldfastError `QUERY_INVALID`, `QUERY_BUSY`, and what the table may give. */
  ask(path: string, query: string): Promise<NamedRows> {
    if (this.#waiting >= waitingMax) return Promise.reject(new HoldfastError("QUERY_BUSY"));
    this.#waiting++;
    const answer = this.#last
      .then(() => this.#answer(path, query))
      .finally(() => {
        this.#waiting--;
      });
    this.#last = answer.catch(() => {});
    return answer;
  }

  close(): void {
    clearTimeout(this.#idle);
    this.#child?.kill("SIGKILL");
    this.#child = undefined;
  }

  #answer(path: string, query: string): Promise<NamedRows> {
    clearTimeout(this.#idle);
    if (this.#path !== path) this.close();
    this.#path = path;
    const starting = this.#child === undefined;
    const child = (this.#child ??= this.#start(path));
    const { msMax = 5000 } = this.#options;
    return new Promise((resolve, reject) => {
      const done = (): void => {
        clearTimeout(late);
        child.off("message", told).off("exit", gone);
        this.#idle = setTimeout(() => this.close(), idleMs);
        this.#idle.unref();
      };
      const told = (answer: SqlAnswer): void => {
        done();
        if ("rows" in answer) return resolve(answer.rows);
        const code = (answer.code ?? "QUERY_INVALID") as ErrorCode;
        reject(new HoldfastError(code, { message: answer.message }));
      };
      const ended = (happened: string): void => {
        done();
        this.close();
        const fix = "Ask for less: fewer rows, a condition, a LIMIT.";
        reject(new HoldfastError("QUERY_INVALID", { happened, fix }));
      };
      const gone = (): void => ended("The answer took more memory than it may.");
      const late = setTimeout(
        () => ended(`The question took longer than ${String(msMax)} ms.`),
        starting ? startMsMax + msMax : msMax,
      );
      child.on("message", told).once("exit", gone);
      child.send(query);
    });
  }

  #start(path: string): ChildProcess {
    const { entry } = this.#options;
    const typescript = entry.pathname.endsWith(".ts") ? ["--import", "tsx"] : [];
    const child = fork(fileURLToPath(entry), [path], {
      execArgv: [`--max-old-space-size=${String(memoryMib)}`, ...typescript],
      stdio: "ignore",
    });
    child.unref();
    child.channel?.unref();
    child.on("error", () => this.close());
    return child;
  }
}
