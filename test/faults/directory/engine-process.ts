// The other end of child.ts: orders become promises of what the engine there answered.
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import type { Answer, Order } from "./child.ts";

export class EngineProcess {
  readonly #child: ChildProcess;
  readonly #tickets = new Map<number, (answer: Answer) => void>();
  readonly exited: Promise<unknown>;
  #ticket = 0;
  #stderr = "";

  /** `uid`: whom it runs as, where the tests run as root. */
  constructor(program: string, uid?: number) {
    this.#child = fork(program, [], {
      execArgv: [],
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

  /** What came of it, an error as its code, message and data. */
  ask(order: Order): Promise<Answer> {
    const ticket = ++this.#ticket;
    return new Promise((resolve) => {
      this.#tickets.set(ticket, resolve);
      this.#child.send({ ticket, order });
    });
  }

  /** The value, or an error that says what came instead. */
  async get(order: Order): Promise<unknown> {
    const { value, code, message } = await this.ask(order);
    if (code !== undefined) throw new Error(`${order.do}: ${code} ${message}`);
    return value;
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.exited;
  }
}
