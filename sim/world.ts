// The simulated world: one thread, one seed, one order of events. Time is virtual and passes only
// between events; after each, all microtasks drain, as in a turn of the real loop. Everything that
// happens is noted in one running hash, so that two runs of a seed can be compared.
import { Heap } from "../src/std/heap.ts";
import { Prng } from "../src/std/prng.ts";

const { setImmediate } = globalThis;

/** Whose events they are: those of the dead do not happen. */
export interface Owner {
  readonly dead: boolean;
  /** It stands still until then: what is due before happens then, in its order. */
  readonly frozenUntil?: number;
}

interface Event {
  at: number;
  readonly order: number;
  readonly then: () => void;
  readonly owner: Owner | undefined;
  cancelled: boolean;
}

export class World {
  readonly random: Prng;
  readonly violations: string[] = [];
  /** The "sometimes" points this run has reached. */
  readonly reached: Set<string> = new Set();
  /** Told of each thing noted, for a run that is looked at. */
  onNote: ((text: string) => void) | undefined;
  #now = 0;
  #order = 0;
  #events = 0;
  readonly #excused = new Set<string>();
  readonly #eventsMax: number;
  #a = 0x243f6a88;
  #b = 0x85a308d3;
  readonly #heap = new Heap<Event>((a, b) => a.at - b.at || a.order - b.order);

  /** `eventsMax`: beyond so many something turns without end. */
  constructor(seed: string, eventsMax = 400_000) {
    this.#eventsMax = eventsMax;
    this.random = new Prng(`holdfast sim ${seed}`);
  }

  /** Milliseconds since the world began, with fractions. */
  get now(): number {
    return this.#now;
  }

  get events(): number {
    return this.#events;
  }

  get hash(): string {
    return `${(this.#a >>> 0).toString(16)}-${(this.#b >>> 0).toString(16)}`;
  }

  chance(probability: number): boolean {
    return this.random.random() < probability;
  }

  between(low: number, high: number): number {
    return low + this.random.random() * (high - low);
  }

  pick<T>(from: readonly T[]): T {
    return from[this.random.integer(from.length)] as T;
  }

  /** An oracle says what is wrong. The run goes on: the first of them is what counts. */
  fail(oracle: string, what: string): void {
    if (this.#excused.has(oracle)) return;
    this.note(`violation ${oracle}`);
    this.violations.push(`${oracle}: ${what}`);
  }

  /** From now on these oracles have nothing to say: what they rest on was taken away. */
  excuse(...oracles: readonly string[]): void {
    for (const each of oracles) this.#excused.add(each);
  }

  sometimes(point: string): void {
    this.reached.add(point);
  }

  /** For whoever looks on; not part of the trace. */
  say(text: () => string): void {
    this.onNote?.(`${this.#now.toFixed(3)}   ${text()}`);
  }

  note(text: string): void {
    this.onNote?.(`${this.#now.toFixed(3)} ${text}`);
    this.#mix(Math.floor(this.#now * 1000));
    for (let i = 0; i < text.length; i++) this.#mix(text.charCodeAt(i));
  }

  #mix(value: number): void {
    this.#a = Math.imul(this.#a ^ value, 0x9e3779b1);
    this.#a = (this.#a << 13) | (this.#a >>> 19);
    this.#b = Math.imul((this.#b + value) | 0, 0x85ebca77) ^ this.#a;
  }

  /** Calls `then` after `ms` in an event of its own, unless its owner has died by then. */
  at(ms: number, then: () => void, owner?: Owner): { cancel(): void } {
    const at = this.#now + ms;
    const event: Event = { at, order: ++this.#order, then, owner, cancelled: false };
    this.#heap.push(event);
    return {
      cancel: () => {
        event.cancelled = true;
      },
    };
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.at(ms, resolve));
  }

  /** Nothing happens for a while, as in a process that is stopped: all that is due is late. */
  stall(ms: number): void {
    this.#now += ms;
  }

  /** Runs the story to its end. What is left to happen then does not. */
  async run(story: () => Promise<void>): Promise<void> {
    let over = false;
    const told = story().then(
      () => {
        over = true;
      },
      (error: unknown) => {
        over = true;
        this.fail("story", error instanceof Error ? (error.stack ?? error.message) : `${error}`);
      },
    );
    await drained();
    while (!over) {
      const event = this.#heap.pop();
      if (event === undefined) return this.fail("O5", "nothing is left to happen");
      if (event.cancelled || event.owner?.dead === true) continue;
      const frozenUntil = event.owner?.frozenUntil ?? 0;
      if (frozenUntil > Math.max(event.at, this.#now)) {
        event.at = frozenUntil;
        this.#heap.push(event);
        continue;
      }
      if (++this.#events > this.#eventsMax) {
        return this.fail("O5", `more than ${this.#eventsMax} events`);
      }
      if (event.at > this.#now) this.#now = event.at;
      this.#mix(event.order);
      event.then();
      await drained();
    }
    await told;
  }
}

/** All microtasks of this turn have drained by then. */
function drained(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
