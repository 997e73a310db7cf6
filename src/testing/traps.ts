// Clock and chance of the process while a crash test runs: handler code that asks them gets another
// answer after a crash than before it, as it would in life, and is noted with its line. Code of steps
// and of the test gets the real thing.
import { platform } from "#platform";
import { Caller } from "../journal/source-line.ts";
import { Prng } from "../std/prng.ts";

/** Something a handler asked of the process rather than of its context. */
export interface Read {
  readonly what: string;
  readonly at: Caller;
}

export interface TrapOptions {
  /** Whether the code of this owner is watched. */
  mine(owner: object): boolean;
  noted(owner: object, read: Read): void;
  /** How often the process has died until now. */
  life(): number;
  now(): number;
}

/** An hour per life: more than any test sleeps by accident, and no multiple of a day. */
const shiftMs = 3_600_000;

/** Sets the traps, and answers what takes them away. */
export function setTraps(options: TrapOptions): () => void {
  const { Date: RealDate } = globalThis;
  const real = { random: Math.random, uuid: crypto.randomUUID, values: crypto.getRandomValues };
  const prng = new Prng("holdfast crash test");

  /** What to answer instead of the truth; undefined to code that is not watched. */
  function trapped<T>(what: string, value: () => T): { readonly value: T } | undefined {
    const owner = platform.context.owner();
    if (owner === undefined || owner.body || !options.mine(owner)) return undefined;
    options.noted(owner, { what, at: new Caller() });
    return { value: value() };
  }
  const now = (): number => options.now() + options.life() * shiftMs;
  // Turned round from life to life: a choice by chance then always falls the other way.
  const chance = (): number => {
    const drawn = prng.random();
    return options.life() % 2 === 0 ? drawn / 2 : 1 - drawn / 2 - Number.EPSILON;
  };

  const dateNow = (): number => trapped("Date.now()", now)?.value ?? RealDate.now();
  const TrappedDate = new Proxy(RealDate, {
    construct(target, args: [], newTarget) {
      const made = args.length > 0 ? undefined : trapped("new Date()", now);
      return Reflect.construct(target, made === undefined ? args : [made.value], newTarget);
    },
    get: (target, name) => (name === "now" ? dateNow : Reflect.get(target, name, target)),
  });
  const random = (): number => trapped("Math.random()", chance)?.value ?? real.random();
  const uuid = (): ReturnType<typeof crypto.randomUUID> => {
    const digits = (n: number): string =>
      Array.from({ length: n }, () => Math.floor(chance() * 16).toString(16)).join("");
    const made = () =>
      [digits(8), digits(4), `4${digits(3)}`, `8${digits(3)}`, digits(12)].join("-");
    const found = trapped("crypto.randomUUID()", made);
    return (found?.value as ReturnType<typeof uuid>) ?? real.uuid.call(crypto);
  };
  const values = (<T extends Uint8Array>(array: T): T => {
    trapped("crypto.getRandomValues()", () => undefined);
    return real.values.call(crypto, array) as T;
  }) as typeof crypto.getRandomValues;

  globalThis.Date = TrappedDate;
  Math.random = random;
  Object.assign(crypto, { randomUUID: uuid, getRandomValues: values });
  return () => {
    globalThis.Date = RealDate;
    Math.random = real.random;
    // Their own are those of the prototype.
    Reflect.deleteProperty(crypto, "randomUUID");
    Reflect.deleteProperty(crypto, "getRandomValues");
  };
}
