// Runs one program in one attempt: each step asks its context for something, and what is learned
// enters the trace when it is handed over. What it does outside, it tells the ledger.
import type { ObjectContext, WorkflowContext } from "../src/index.ts";
import { TerminalError } from "../src/index.ts";
import type { Context } from "../src/sdk/types.ts";
import type { Ledger, Told } from "./ledger.ts";
import type { Door, Step } from "./step.ts";
import { type Input, list, sink, type Targets } from "./targets.ts";

export type AnyContext = Context &
  Partial<Pick<ObjectContext, "key" | "get" | "set" | "clear" | "clearAll" | "stateKeys">> &
  Partial<Pick<WorkflowContext, "promise">>;

export class Interpreter {
  readonly #targets: Targets;
  readonly #ledger: Ledger;
  readonly #ctx: AnyContext;
  readonly input: Input;
  readonly #door: Door;
  /** Names this life of this id: what it asks of its random source is the same in each attempt. */
  life: string;
  readonly #name: string;
  readonly trace: string[] = [];
  readonly #spawned: string[] = [];

  constructor(targets: Targets, ledger: Ledger, ctx: AnyContext, input: Input, door: Door) {
    this.#targets = targets;
    this.#ledger = ledger;
    this.#ctx = ctx;
    this.input = input;
    this.#door = door;
    // What is restarted keeps its random values, and what it asked must be the same again.
    this.#name = `${input.op} ${ctx.rand.uuid()}`;
    this.life = `${ctx.id} ${this.#name}`;
  }

  /** Other code asks this first: where nothing was asked before it, it is another story. */
  async first(step: Step): Promise<void> {
    this.life += " new";
    await this.step(step);
  }

  async step(step: Step): Promise<string> {
    const all = (): Promise<string>[] => step.children.map((child) => this.step(child));
    switch (step.kind) {
      case "seq":
        for (const child of step.children) await this.step(child).catch(passing);
        return step.name;
      case "all":
        return (await Promise.all(all())).join("+");
      case "settled":
        return (await Promise.allSettled(all())).map(({ status }) => status).join("+");
      case "race":
        return Promise.race(all());
      case "any":
        return Promise.any(all()).catch(() => `none of ${step.name}`);
      case "timeout":
        return this.#learn(this.#timeout(Promise.all(all()), step.ms + 1));
      default:
        return this.#leaf(step);
    }
  }

  async #timeout(promise: Promise<unknown>, ms: number): Promise<string> {
    // Where the handler has ended by now, nobody else looks at it.
    promise.catch(() => {});
    await this.#ctx.timeout(promise, ms);
    return "in time";
  }

  /** Each thing learned enters the trace when it is handed over. */
  #learn(promise: Promise<string>): Promise<string> {
    return promise.then(
      (value) => {
        this.trace.push(value);
        return value;
      },
      (error: { readonly code?: string }) => {
        this.trace.push(`!${error.code}`);
        throw error;
      },
    );
  }

  #leaf(step: Step): Promise<string> | string {
    const ctx = this.#ctx;
    switch (step.kind) {
      case "run":
      case "fails":
      case "poison":
      case "big":
        return this.#learn(this.#run(step));
      case "sleep":
        return this.#learn(this.#sleep(step));
      case "call":
        return this.#learn(this.#call(step));
      case "append":
        return this.#learn(this.#append(step));
      case "send":
        return this.#send(step);
      case "spawn":
        return this.#spawn(step);
      case "attach":
        return this.#attach(step);
      case "cancel":
        for (const id of this.#spawned.slice(0, 1)) ctx.cancel(id);
        return step.name;
      case "awakeable":
        return this.#learn(this.#awakeable(step));
      case "signal":
        this.#ledger.waits(ctx.id, `s${step.key}`);
        return this.#learn(ctx.signal<string>(`s${step.key}`).then((value) => `signal ${value}`));
      case "tell":
        for (const id of this.#spawned.slice(0, 1)) ctx.sendSignal(id, `s${step.key}`, step.name);
        return step.name;
      case "throws":
        return this.#throws(step);
      case "date":
        this.trace.push(`${ctx.date.now()} ${ctx.rand.random()}`);
        return step.name;
      case "tick":
        return ticks(step.ms % 7).then(() => step.name);
      default:
        return this.#stateful(step);
    }
  }

  #stateful(step: Step): Promise<string> | string {
    const ctx = this.#ctx as ObjectContext & WorkflowContext;
    if (this.#door === "service") return step.name;
    switch (step.kind) {
      case "get":
        return this.#learn(ctx.get(`v${step.key}`).then((value) => `got ${value}`));
      case "set":
        ctx.set(`v${step.key}`, `${this.input.op} ${step.name}`);
        return step.name;
      case "clear":
        if (step.times === 0) ctx.clearAll();
        else ctx.clear(`v${step.key}`);
        return step.name;
      case "keys":
        return this.#learn(ctx.stateKeys().then((keys) => `keys ${keys.join()}`));
      default:
        return this.#promised(step);
    }
  }

  #promised(step: Step): Promise<string> | string {
    const ctx = this.#ctx as WorkflowContext;
    if (this.#door !== "workflow") return step.name;
    const promise = ctx.promise<string>(`p${step.key}`);
    switch (step.kind) {
      case "promise":
        return this.#learn(Promise.resolve(promise).then((value) => `promise ${value}`));
      case "peek":
        return this.#learn(promise.peek().then((value) => `peeked ${value}`));
      case "settle":
        promise.resolve(`${this.input.op} ${step.name}`);
        return step.name;
      default:
        throw new Error(`no step of kind ${step.kind}`);
    }
  }

  /** A side effect: what it gives names this one execution. */
  #run(step: Step): Promise<string> {
    const ctx = this.#ctx;
    const before = this.trace.slice();
    const retry = {
      delay: 5,
      maxDelay: 200,
      ...(step.kind === "fails" ? { attempts: 1 + step.times } : {}),
    };
    return ctx
      .run(
        step.name,
        async ({ idempotencyKey, signal }) => {
          const alone = this.#door === "object" ? `Keyed ${ctx.key}` : undefined;
          return this.#ledger.body({
            step,
            life: this.life,
            idempotencyKey,
            signal,
            before,
            alone,
          });
        },
        { retry, ...(step.times === 3 && step.ms > 50 ? { timeout: step.ms * 2 } : {}) },
      )
      .then((result) => result.split("~")[0] as string);
  }

  async #append(step: Step): Promise<string> {
    const value = `${this.#name} ${step.name}`;
    const all = await this.#ctx.call(list, step.key).append(value);
    return appended(step.key, all);
  }

  async #sleep(step: Step): Promise<string> {
    const before = this.#ctx.date.now();
    await this.#ctx.sleep(step.ms);
    const passed = this.#ctx.date.now() - before;
    if (passed < step.ms) this.#ledger.early(`${this.life} slept ${passed} of ${step.ms} ms`);
    return `slept ${step.name}`;
  }

  async #call(step: Step): Promise<string> {
    const { plain, keyed } = this.#targets;
    const input = this.#inner(step);
    const told = await (step.times < 2
      ? this.#ctx.call(plain).go(input)
      : this.#ctx.call(keyed, step.key).go(input));
    return `called ${told.life} ${told.trace.length}`;
  }

  #inner(step: Step): Input {
    const { op, touchy } = this.input;
    const { name, ms, times, key, children } = step;
    const program: Step = { kind: "seq", name: `${name}-`, ms, times, key, children };
    return { op, program, touchy };
  }

  #send(step: Step): string {
    const ctx = this.#ctx;
    const id = `${this.#name} ${step.name}`;
    const due = step.times === 0 ? 0 : ctx.date.now() + step.ms;
    ctx.send(sink, step.key, step.times === 0 ? {} : { delay: step.ms }).take({ id, due });
    this.trace.push(`sent ${id}`);
    return step.name;
  }

  #spawn(step: Step): string {
    const { plain, keyed } = this.#targets;
    const options = step.times === 3 ? { delay: step.ms } : {};
    const sent =
      step.times < 2
        ? this.#ctx.send(plain, options).go(this.#inner(step))
        : this.#ctx.send(keyed, step.key, options).go(this.#inner(step));
    this.#spawned.push(sent.id);
    // Not its id: until it is durable, a replay may be given another.
    this.trace.push(`spawned ${step.name}`);
    return step.name;
  }

  #attach(step: Step): Promise<string> | string {
    const id = this.#spawned[0];
    if (id === undefined) return step.name;
    return this.#learn(this.#ctx.attach<Told>(id).then((told) => `attached ${told.life}`));
  }

  async #awakeable(step: Step): Promise<string> {
    const { id, promise } = this.#ctx.awakeable<string>();
    await this.#run({ ...step, kind: "run", name: `publish ${step.name}`, ms: 0 });
    this.#ledger.awakeable(id);
    return `awakened ${await promise}`;
  }

  #throws(step: Step): string {
    if (step.ms > 50 && step.times === 3)
      throw new TerminalError("on purpose", { code: "PURPOSE" });
    if (this.#ctx.request().attempt <= step.times) {
      // Not part of the trace: other attempts do not throw.
      throw new Error("on purpose");
    }
    return step.name;
  }
}

/** What a trace says of an append, so that the whole list can be held against it. */
export function appended(key: string, all: readonly string[]): string {
  return `appended|${key}|${all.length}|${all.at(-1)}`;
}

/** A failure that is the program's own, and terminal, is passed over; one to be retried is not. */
function passing(error: unknown): string {
  if (error instanceof TerminalError || (error as { terminal?: boolean }).terminal === true)
    return "";
  throw error;
}

async function ticks(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await Promise.resolve();
}
