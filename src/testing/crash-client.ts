// A client that outlives the engine it asks: what was under way when the process died is asked again
// of the next one, by a name of its own, so that a scenario reads as if nothing had happened. While
// it waits for an answer, and only then, time may pass.
import { isHoldfastError } from "../model/errors.ts";
import { idOf } from "../model/invocation-id.ts";
import { methodsOf } from "../sdk/calls.ts";
import type { Callable, CallOptions, Client, Duration, Invocation } from "../sdk/types.ts";
import type { History } from "./history.ts";
import type { TestEngine } from "./test-engine.ts";

/** What a client needs of the run it belongs to. */
export interface Lives {
  readonly engine: TestEngine;
  /** How often the process has died. */
  readonly life: number;
  /** The process has died, and no other is there yet. */
  readonly dead: boolean;
  /** Resolves at once, or when the next engine is there. */
  alive(): Promise<void>;
  history(): Promise<History>;
  advance(duration: Duration): Promise<void>;
}

/** The client a crash test's scenario is given. */
export interface CrashClient extends Client {
  /** Lets time pass. While an answer is waited for, it passes by itself. */
  advance(duration: Duration): Promise<void>;
}

type Options = CallOptions & { readonly delay?: unknown };
type Handlers = Record<string, (input: unknown) => Promise<unknown>>;

export class OutlivingClient implements CrashClient {
  readonly #lives: Lives;
  #asked = 0;
  #waiting = 0;
  /** Workflow runs asked for until now. */
  readonly #runs = new Set<string>();

  constructor(lives: Lives) {
    this.#lives = lives;
  }

  /** Requests that wait for their answer. */
  get waiting(): number {
    return this.#waiting;
  }

  readonly call: Client["call"] = ((target: Callable, ...to: []) =>
    methodsOf<Options, Promise<unknown>>(target, to, ({ target: { key, handler }, ...called }) => {
      if (target.kind === "workflow" && handler === "run") {
        return this.#runWorkflow(target, key as string, called.options, called.input);
      }
      const options = this.#named(called.options);
      return this.#again(() => this.#handlers("call", target, key, options, handler)(called.input));
    })) as Client["call"];

  readonly send: Client["send"] = ((target: Callable, ...to: []) =>
    methodsOf<Options, Promise<unknown>>(target, to, ({ target: { key, handler }, ...called }) => {
      const run = target.kind === "workflow" && handler === "run";
      if (run) this.#runs.add(`${target.name}/${key}`);
      const options = run ? called.options : this.#named(called.options);
      const send = (): Promise<Invocation<unknown>> =>
        this.#handlers("send", target, key, options, handler)(called.input) as never;
      return this.#again(send).then(({ id }) => ({
        id,
        // Asked for once more: the handle knows how its result is written.
        result: () => this.#again(async () => (await send()).result()),
        cancel: () => this.#again(() => this.#lives.engine.invocation(id).cancel()),
      }));
    })) as Client["send"];

  invocation<O = unknown>(id: string): Invocation<O> {
    const of = (): Invocation<O> => this.#lives.engine.invocation<O>(id);
    return {
      id,
      result: () => this.#again(() => of().result()),
      cancel: () => this.#again(() => of().cancel()),
    };
  }

  readonly workflow: Client["workflow"] = ((target: Callable<"workflow">, key: string) => {
    const of = (): Invocation<unknown> => this.#lives.engine.workflow(target, key);
    return {
      get id() {
        return of().id;
      },
      result: () => this.#again(() => of().result()),
      cancel: () => this.#again(() => of().cancel()),
    };
  }) as Client["workflow"];

  awakeable(id: string): ReturnType<Client["awakeable"]> {
    return {
      resolve: (value) => this.#again(() => this.#lives.engine.awakeable(id).resolve(value)),
      reject: (reason) => this.#again(() => this.#lives.engine.awakeable(id).reject(reason)),
    };
  }

  /** A signal has no name of its own: whether it arrived is read from what was durable. */
  async signal(id: string, name: string, value?: unknown): Promise<void> {
    const before = await this.#signals(id, name);
    await this.#again(async (again) => {
      if (again && (await this.#signals(id, name)) > before) return;
      await this.#lives.engine.signal(id, name, value);
    });
  }

  advance(duration: Duration): Promise<void> {
    return this.#lives.advance(duration);
  }

  /** The engine is the test's: there is nothing to end. */
  close(): Promise<void> {
    return Promise.resolve();
  }

  async #signals(id: string, name: string): Promise<number> {
    const { invocations } = await this.#lives.history();
    let count = 0;
    for (const row of invocations.values()) {
      if (idOf(row) !== id) continue;
      for (const entry of row.entries) {
        if (entry.kind === "signalled" && entry.name === name) count++;
      }
    }
    return count;
  }

  #named(options: Options | undefined): Options {
    return { idempotencyKey: `crash test ${++this.#asked}`, ...options };
  }

  /** A run is named by its key: whether one that exists is ours follows from what was asked. */
  #runWorkflow(
    target: Callable,
    key: string,
    options: Options | undefined,
    input: unknown,
  ): Promise<unknown> {
    const name = `${target.name}/${key}`;
    const first = !this.#runs.has(name);
    this.#runs.add(name);
    return this.#again(async (again) => {
      try {
        return await this.#handlers("call", target, key, options, "run")(input);
      } catch (error) {
        const ours = again && first && isHoldfastError(error, "WORKFLOW_ALREADY_STARTED");
        if (!ours) throw error;
        return this.#lives.engine.workflow(target as Callable<"workflow">, key).result();
      }
    });
  }

  #handlers(
    verb: "call" | "send",
    target: Callable,
    key: string | null,
    options: Options | undefined,
    handler: string,
  ): (input: unknown) => Promise<unknown> {
    const { engine } = this.#lives;
    const to = key === null ? [options] : [key, options];
    const ask = engine[verb] as unknown as (target: Callable, ...to: unknown[]) => Handlers;
    return ask(target, ...to)[handler] as (input: unknown) => Promise<unknown>;
  }

  /** Asks until an engine that lives has answered. */
  async #again<T>(ask: (again: boolean) => Promise<T>): Promise<T> {
    this.#waiting++;
    try {
      for (let again = false; ; again = true) {
        await this.#lives.alive();
        const { life } = this.#lives;
        try {
          return await ask(again);
        } catch (error) {
          const died = this.#lives.dead || this.#lives.life > life;
          if (!died || !isHoldfastError(error, "ENGINE_FAILED")) throw error;
        }
      }
    } finally {
      this.#waiting--;
    }
  }
}
