// The floor beside the cart benchmark: a loop that does what a durable cart cannot do without, and
// nothing else. A handler with a step, a read, a write and a delayed send; one at a time per key;
// JSON records in group commits, one fdatasync each; a map. The step waits for the commit of what
// came before it, the reply for its own. No replay, no tables, no timers, no recovery.
import { closeSync, fdatasync, openSync, write } from "node:fs";

type Handler = (ctx: LoopContext, input: string) => Promise<unknown>;

class Log {
  readonly #fd: number;
  #lines: string[] = [];
  #waiting: (() => void)[] = [];
  #busy = false;
  #scheduled = false;
  position = 0;
  bytes = 0;

  constructor(path: string) {
    this.#fd = openSync(path, "w");
  }

  record(change: object): void {
    this.#lines.push(JSON.stringify({ t: Date.now(), c: [change] }));
    this.position++;
    this.#schedule();
  }

  durable(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#busy || this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => setImmediate(() => this.#commit()));
  }

  #commit(): void {
    this.#scheduled = false;
    const [lines, waiting] = [this.#lines, this.#waiting];
    if (lines.length === 0 && waiting.length === 0) return;
    this.#lines = [];
    this.#waiting = [];
    this.#busy = true;
    const bytes = Buffer.from(lines.join("\n"));
    write(this.#fd, bytes, 0, bytes.length, this.bytes, (failed) => {
      if (failed) throw failed;
      fdatasync(this.#fd, (error) => {
        if (error) throw error;
        this.#busy = false;
        for (const then of waiting) then();
        if (this.#lines.length > 0 || this.#waiting.length > 0) this.#schedule();
      });
    });
    this.bytes += bytes.length;
  }

  close(): void {
    closeSync(this.#fd);
  }
}

interface LoopContext {
  run<T>(name: string, action: () => T): Promise<T>;
  get(name: string): Promise<unknown>;
  set(name: string, value: unknown): void;
  send(handler: string, delay: number, input: unknown): void;
}

/** A macrotask, as a handler of the engine has between two things it learns. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export class Loop {
  readonly #log: Log;
  readonly #state = new Map<string, string>();
  readonly #tail = new Map<string, Promise<unknown>>();

  constructor(path: string) {
    this.#log = new Log(path);
  }

  get bytes(): number {
    return this.#log.bytes;
  }

  call(key: string, handler: Handler, input: string): Promise<unknown> {
    const before = this.#tail.get(key) ?? Promise.resolve();
    const result = before.then(() => this.#attempt(key, handler, input));
    this.#tail.set(key, result);
    return result;
  }

  async #attempt(key: string, handler: Handler, input: string): Promise<unknown> {
    const log = this.#log;
    log.record({
      kind: "invoked",
      service: "Cart",
      key,
      handler: "addTicket",
      input: JSON.stringify(input),
      id: "Zm9vYmFyYmF6cXV4MTIzNA",
      at: Date.now(),
    });
    const n = log.position;
    log.record({ kind: "started", n, attempt: 1 });
    const ctx: LoopContext = {
      run: async (name, action) => {
        log.record({ kind: "command", n, entry: { kind: "run", name } });
        await log.durable();
        const value = await action();
        log.record({ kind: "completed", n, result: JSON.stringify(value) });
        await turn();
        return value;
      },
      get: async (name) => {
        const text = this.#state.get(`${key}/${name}`);
        log.record({ kind: "command", n, entry: { kind: "get", name, answer: text } });
        await turn();
        return text === undefined ? null : JSON.parse(text);
      },
      set: (name, value) => {
        const text = JSON.stringify(value);
        this.#state.set(`${key}/${name}`, text);
        log.record({ kind: "command", n, entry: { kind: "set", name, value: text } });
      },
      send: (to, delay, value) => {
        log.record({
          kind: "invoked",
          service: "Cart",
          key,
          handler: to,
          input: JSON.stringify(value),
          due: Date.now() + delay,
          id: "Zm9vYmFyYmF6cXV4MTIzNA",
        });
        log.record({ kind: "command", n, entry: { kind: "send", handler: to } });
      },
    };
    const value = await handler(ctx, input);
    log.record({ kind: "finished", n, result: JSON.stringify(value) });
    await log.durable();
    return value;
  }

  close(): void {
    this.#log.close();
  }
}
