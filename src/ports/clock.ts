// Time as the engine needs it. Due times are wall-clock, spans monotonic. Simulation and tests put
// their own here.

export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Milliseconds of a clock that never goes back. */
  monotonic(): number;
  /** Calls back once, after at least `ms`; never keeps a process alive. */
  after(ms: number, then: () => void): Timer;
  /** Calls back in a turn of its own: all microtasks of this one have drained by then. */
  nextTurn(then: () => void): void;
}
