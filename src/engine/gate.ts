// The macrotask gate: each attempt is handed one thing per turn of the event loop, and its turn ends
// when all microtasks have drained. One turn of the loop serves every attempt that waits for one,
// and the appender is asked after the handlers have spoken, so that what they ask in answer to one
// thing is one commit.

export interface TurnTaker {
  turn(): void;
  endTurn(): void;
}

/** Cycles that may run handlers before what they asked must go to the changelog. */
const cyclesMax = 3;

export class Gate {
  readonly #nextTurn: (then: () => void) => void;
  readonly #afterTurns: () => void;
  #waiting: TurnTaker[] = [];
  #inTurn: TurnTaker[] = [];
  #scheduled = false;
  #cycles = 0;
  #flush = false;

  constructor(nextTurn: (then: () => void) => void, afterTurns: () => void) {
    this.#nextTurn = nextTurn;
    this.#afterTurns = afterTurns;
  }

  request(taker: TurnTaker): void {
    this.#waiting.push(taker);
    this.#schedule();
  }

  /** Asks for `afterTurns` once the handlers that can go on have gone on. */
  requestFlush(): void {
    this.#flush = true;
    this.#schedule();
  }

  /** Whether nothing waits for a turn or is in one. */
  get idle(): boolean {
    return this.#waiting.length === 0 && this.#inTurn.length === 0 && !this.#flush;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#nextTurn(this.#cycle);
  }

  readonly #cycle = (): void => {
    this.#scheduled = false;
    const ended = this.#inTurn;
    this.#inTurn = [];
    for (const taker of ended) taker.endTurn();
    const taking = this.#waiting;
    this.#waiting = [];
    this.#inTurn = taking;
    for (const taker of taking) taker.turn();
    if (this.#flush && (taking.length === 0 || ++this.#cycles >= cyclesMax)) {
      this.#flush = false;
      this.#cycles = 0;
      this.#afterTurns();
    }
    if (taking.length > 0 || this.#flush) this.#schedule();
  };
}
