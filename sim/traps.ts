// Traps on the ways past the ports: code under simulation that reads the real clock, asks for real
// randomness, sets a real timer or touches a real disk or network throws, and the seed fails. What
// modules of Node give is trapped where the program is bundled (build.ts).

/** A function that must not be called. */
export function trapped(name: string): () => never {
  return () => {
    throw new Error(`${name} is used under simulation: what it gives belongs behind a port`);
  };
}

/** The real world, for who runs the simulation. */
export const real = {
  now: (): number => performanceNow(),
};
const performanceNow = globalThis.performance.now.bind(globalThis.performance);

/** From here on nothing in this process may look at the real world. */
export function setTraps(): void {
  const names = ["setTimeout", "setInterval", "setImmediate", "fetch", "WebSocket"] as const;
  for (const name of names) define(globalThis, name, trapped(name));
  define(Math, "random", trapped("Math.random"));
  define(performance, "now", trapped("performance.now"));
  for (const name of ["getRandomValues", "randomUUID"])
    define(crypto, name, trapped(`crypto.${name}`));
  define(globalThis, "Date", TrappedDate);
  define(globalThis, Symbol.for("holdfast.sim"), true);
}

function define(of: object, name: string | symbol, value: unknown): void {
  Object.defineProperty(of, name, { value, configurable: true, writable: true });
}

const RealDate = Date;

/** Dates of given times are plain values; the present one is not. */
class TrappedDate extends RealDate {
  constructor(...given: readonly (number | string | Date)[]) {
    if (given.length === 0) trapped("new Date()")();
    super(...(given as [number]));
  }

  static override now(): number {
    return trapped("Date.now")();
  }
}
