// The other end of child.ts: orders become promises of what the engine there answered.
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import type { Answer, Order } from "./child.ts";

export interface EngineProcessOptions {
  /** Whom it runs as, where the tests run as root. */
  readonly uid?: number | undefined;
  readonly args?: readonly string[];
  /** Of Node itself. */
  readonly execArgv?: readonly string[];
  /** On top of this process's own. */
  readonly env?: Readonly<Record<string, string>>;
}

export class EngineProcess<O extends { readonly do: string } = Order> {
  readonly #child: ChildProcess;
  readonly #tickets = new Map<number, (answer: Answer) => void>();
  readonly exited: Promise<unknown>;
  #ticket = 0;
  #stderr = "";

  constructor(program: string, { uid, args = [], execArgv = [], env }: EngineProcessOptions = {}) {
    this.#child = fork(program, args, {
      execArgv: [...execArgv],
      env: { ...process.env, ...env },
      stdio: ["ignore", "inherit", "pipe", "ipc"],
      ...(uid === undefined ? {} : { uid, gid: uid }),
    });
    this.#child.stderr?.on("data", (chunk: Buffer) => {
      this.#stderr += chunk.toString();
    });
    this.#child.on("message", ({ ticket, answer }: { ticket: number; answer: Answer }) => {
      this.#tickets.get(ticket)?.(answer);
      this.#tickets.delete(ticket);
    });
    this.exited = once(this.#child, "exit").then(([code, signal]) => {
      const answer = { code: "exited", message: `${code} ${signal} ${this.#stderr}` };
      for (const told of this.#tickets.values()) told(answer);
    });
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** What came of it, an error as its code, message and data. */
  ask(order: O): Promise<Answer> {
    const ticket = ++this.#ticket;
    return new Promise((resolve) => {
      this.#tickets.set(ticket, resolve);
      this.#child.send({ ticket, order });
    });
  }

  /** The value, or an error that says what came instead. */
  async get(order: O): Promise<unknown> {
    const { value, code, message } = await this.ask(order);
    if (code !== undefined) throw new Error(`${order.do}: ${code} ${message}`);
    return value;
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.exited;
  }
}
