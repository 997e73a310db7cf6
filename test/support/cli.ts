// The command as it is installed, run on modules in a folder of their own.
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const main = join(root, "dist", "cli", "main.js");

export interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly error: string;
}

/** A folder inside the repository, so that "holdfast" means this package. */
export class CliFolder {
  readonly path: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #children: ChildProcess[] = [];

  constructor(name: string, files: Readonly<Record<string, string>> = {}) {
    if (!existsSync(main)) throw new Error("build first: make build");
    this.path = join(root, "test", ".tmp", `cli-${name}-${process.pid}`);
    mkdirSync(this.path, { recursive: true });
    for (const [file, text] of Object.entries(files)) this.write(file, text);
    this.#env = { PATH: process.env["PATH"], UV_USE_IO_URING: "0" };
  }

  write(file: string, text: string): void {
    writeFileSync(join(this.path, file), text);
  }

  set(name: string, value: string): void {
    this.#env[name] = value;
  }

  start(...args: readonly string[]): Started {
    const child = spawn(process.execPath, [main, ...args], { cwd: this.path, env: this.#env });
    this.#children.push(child);
    return new Started(child);
  }

  run(...args: readonly string[]): Promise<Ran> {
    return this.start(...args).ended;
  }

  remove(): void {
    for (const child of this.#children) if (child.exitCode === null) child.kill("SIGKILL");
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** A command that runs. */
export class Started {
  readonly child: ChildProcess;
  readonly ended: Promise<Ran>;
  #out = "";
  #error = "";
  #told = (): void => {};

  constructor(child: ChildProcess) {
    this.child = child;
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.#out += text;
      this.#told();
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#error += text;
      this.#told();
    });
    child.stdin?.end();
    this.ended = new Promise((resolve) => {
      child.once("close", (code) => {
        this.#told();
        resolve({ code, out: this.#out, error: this.#error });
      });
    });
  }

  get out(): string {
    return this.#out;
  }

  get error(): string {
    return this.#error;
  }

  /** What it has said on standard error, once that matches. */
  async said(pattern: RegExp, where: "out" | "error" = "error"): Promise<RegExpExecArray> {
    for (;;) {
      const text = where === "error" ? this.#error : this.#out;
      const found = pattern.exec(text);
      if (found !== null) return found;
      if (this.child.exitCode !== null) throw new Error(`It ended, and said: ${this.#error}`);
      await new Promise<void>((resolve) => {
        this.#told = resolve;
      });
    }
  }
}
