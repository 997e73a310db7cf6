// What happened outside, as the oracles will want to know it: which bodies ran and what their
// handlers had learned by then, what was answered to whom. It outlives every process; what a dead
// one still says is not heard.

import { never } from "./inode.ts";
import type { Step } from "./step.ts";
import type { Owner, World } from "./world.ts";

/** What a program answers: which life of its id it was, and all it learned, in order. */
export interface Told {
  readonly life: string;
  readonly trace: readonly string[];
}

export interface Body {
  readonly step: Step;
  readonly life: string;
  readonly idempotencyKey: string;
  readonly signal: AbortSignal;
  /** What the handler had learned when it asked for the step: all of it is durable by now (R2). */
  readonly before: readonly string[];
  /** The key whose exclusive handler asks, if it is one. */
  readonly alone: string | undefined;
}

interface Inside {
  readonly life: string;
  readonly signal: AbortSignal;
}

/** A body may take so long at most, in ms of virtual time. */
const bodyMsMax = 400;

/** Far more than it takes to be paused, with operators who resume it now and then. */
const killsMax = 40;

export class Record {
  readonly world: World;
  /** Traces of each life that are durable, whichever way that became known. */
  readonly traces: Map<string, readonly string[]> = new Map();
  /** Of each execution of a step: the step's key. */
  readonly executions: Map<string, string> = new Map();
  /** Of each step by its key: the execution whose result is durable. */
  readonly durable: Map<string, string> = new Map();
  readonly ran: Map<string, number> = new Map();
  readonly awakeables: Set<string> = new Set();
  readonly waiting: Set<string> = new Set();
  readonly inside: Map<string, Inside> = new Map();
  /** What ends its process does so no more. */
  mended = false;
  readonly #keys = new Map<string, string>();
  #serial = 0;

  constructor(world: World) {
    this.world = world;
  }

  nextSerial(): number {
    return ++this.#serial;
  }

  /** A step's key is never that of another life of the same id (I13). */
  asked(life: string, idempotencyKey: string): void {
    const [id] = life.split(" ");
    const before = this.#keys.get(`${id} ${idempotencyKey}`) ?? life;
    // Other code may have been there before: the same life in other words.
    if (before.replace(" new", "") !== life.replace(" new", "")) {
      this.world.fail("I13", `${idempotencyKey} is of ${before} and of ${life}`);
    }
    this.#keys.set(`${id} ${idempotencyKey}`, life);
  }

  /** A trace is durable: it must agree with what else is known of its life, and with O2. */
  learned(life: string, trace: readonly string[], from: string): void {
    const known = this.traces.get(life) ?? [];
    const [short, long] = known.length <= trace.length ? [known, trace] : [trace, known];
    const at = short.findIndex((each, i) => each !== long[i]);
    if (at >= 0) {
      this.world.fail("O2", `${life} learned ${short[at]} then ${long[at]} at ${at} (${from})`);
    }
    this.traces.set(life, long);
    for (const each of trace) {
      const key = this.executions.get(each);
      if (key === undefined) {
        if (each.includes("#")) this.world.fail("O2", `${each} was never executed`);
        continue;
      }
      const before = this.durable.get(key) ?? each;
      if (before !== each) this.world.fail("O2", `${key} gave ${before}, then ${each}`);
      this.durable.set(key, each);
    }
  }
}

/** A process, as its record knows it. */
export interface Process extends Owner {
  /** Where several run at once: bodies of one key may overlap on two of them, one a straggler. */
  readonly name?: string;
  /** It no longer leads where this invocation lives, and may not know yet. */
  straggles?(id: string): boolean;
  /** It has heard that it does not lead there any more. */
  wasFenced?(id: string): boolean;
  /** Told of each body that begins (1) and ends (-1). */
  inBody?(change: 1 | -1): void;
  die(): void;
}

/** The record as one process has it. */
export class Ledger {
  readonly #record: Record;
  readonly #owner: Process;

  constructor(record: Record, owner: Process) {
    this.#record = record;
    this.#owner = owner;
  }

  async body(body: Body): Promise<string> {
    const { step, life, idempotencyKey, signal, before, alone } = body;
    if (this.#owner.dead) return never();
    const record = this.#record;
    // A restart from an entry keeps the keys of the steps it copies, and may run them again.
    const key = `${life} ${idempotencyKey}`;
    record.asked(life, idempotencyKey);
    const { world } = record;
    const ran = (record.ran.get(key) ?? 0) + 1;
    record.ran.set(key, ran);
    world.note(`body ${step.name} ${life.slice(0, 20)} ${ran}`);
    if (ran > 1) world.sometimes("a step runs again");
    if (record.durable.has(key)) {
      if (this.#straggles(life)) world.sometimes("a straggler runs a body whose result is durable");
      else world.fail("O2", `${key} of ${life} ${step.name} ran again`);
    }
    record.learned(life, before, `before ${step.name}`);
    if (this.#owner.wasFenced?.(life.split(" ")[0] as string) === true) {
      world.fail("T6", `${step.name} of ${life} runs where its leader knows that it is none`);
    }
    this.#enter(body);
    if (step.kind === "poison" && this.#kills(step, ran)) {
      world.sometimes("a handler ends its process");
      this.#owner.die();
      return never();
    }
    this.#owner.inBody?.(1);
    try {
      await this.#work(step, signal);
    } finally {
      this.#owner.inBody?.(-1);
      const at = this.#at(alone);
      if (at !== undefined && record.inside.get(at)?.signal === signal) record.inside.delete(at);
    }
    this.#fails(step, ran);
    const token = `${step.name}#${record.nextSerial()}`;
    record.executions.set(token, key);
    return step.kind === "big" ? `${token}~${"x".repeat(5000 * (1 + step.times))}` : token;
  }

  /** Bodies of one key's exclusive handlers do not overlap, unless one was told to stop (R8). */
  #enter({ alone, life, signal, step }: Body): void {
    const at = this.#at(alone);
    if (at === undefined) return;
    const { inside, world } = this.#record;
    const other = inside.get(at);
    if (other !== undefined && other.life !== life && !other.signal.aborted) {
      world.fail("O3", `${life} runs ${step.name} beside ${other.life} at ${alone}`);
    }
    inside.set(at, { life, signal });
  }

  #at(alone: string | undefined): string | undefined {
    return alone === undefined ? undefined : `${this.#owner.name ?? ""} ${alone}`;
  }

  #straggles(life: string): boolean {
    return this.#owner.straggles?.(life.split(" ")[0] as string) ?? false;
  }

  #work(step: Step, signal: AbortSignal): Promise<void> {
    const ms = Math.min(step.ms, bodyMsMax);
    if (ms === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#record.world.at(ms, resolve, this.#owner);
      signal.addEventListener("abort", () => {
        this.#record.world.sometimes("a body is told to stop");
        reject(new Error("told to stop"));
      });
    });
  }

  /** Some end their process a few times, some until the end of the story: those are paused (R10). */
  #kills({ ms, times }: Step, ran: number): boolean {
    const record = this.#record;
    if (ran > killsMax) record.world.fail("R10", `a handler has ended its process ${ran} times`);
    return ran <= times || (ms === 60_000 && !record.mended);
  }

  #fails(step: Step, ran: number): void {
    const { world } = this.#record;
    const fails = step.kind === "fails" ? step.ms > 20 || ran <= step.times : world.chance(0.1);
    if (!fails) return;
    world.sometimes("a try of a step fails");
    throw new Error("on purpose");
  }

  early(what: string): void {
    if (!this.#owner.dead) this.#record.world.fail("I9", what);
  }

  awakeable(id: string): void {
    if (!this.#owner.dead) this.#record.awakeables.add(id);
  }

  waits(id: string, name: string): void {
    if (!this.#owner.dead) this.#record.waiting.add(`${id} ${name}`);
  }
}
