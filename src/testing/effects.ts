// What steps did: every body that ran, in order, and what it gave. And bodies that a test puts in
// place of others, by the name of their step.

import { instrumentedSteps } from "../journal/instrument.ts";
import { idOf } from "../model/invocation-id.ts";
import type { RunningAttempt } from "../sdk/attempt-host.ts";
import type { Callable, Step } from "../sdk/types.ts";

/** Which step of which invocation. */
export interface StepCall {
  /** Such as `Cart/user-1/addTicket`. */
  readonly target: string;
  /** Id of the invocation. */
  readonly id: string;
  readonly step: string;
}

/** One execution of the body of a step. */
export interface Effect extends StepCall {
  readonly idempotencyKey: string;
  /** Which try of the step, from 1. */
  readonly attempt: number;
  /** Absent while it runs, or when the process died meanwhile. */
  readonly outcome?: { readonly value: unknown } | { readonly error: unknown };
}

/** A body in place of another. What it gives, or throws, is the step's. */
export type StepMock = (step: Step, call: StepCall) => unknown;

export class Effects {
  readonly all: Effect[] = [];
  readonly #mocks: Map<string, StepMock>;

  constructor(mocks: Readonly<Record<string, StepMock>> = {}) {
    this.#mocks = new Map(Object.entries(mocks));
  }

  /** Puts a body in place, until what it answers is called. */
  mock(step: string, body: StepMock): () => void {
    const before = this.#mocks.get(step);
    this.#mocks.set(step, body);
    return () => {
      if (before === undefined) this.#mocks.delete(step);
      else this.#mocks.set(step, before);
    };
  }

  /** The same definitions, whose bodies pass through here. */
  of(services: readonly Callable[]): Callable[] {
    return services.map((service) =>
      instrumentedSteps(service, (attempt, name, step, action) =>
        this.#body(attempt, name, step, action),
      ),
    );
  }

  async #body(
    attempt: RunningAttempt,
    name: string,
    step: Step,
    action: () => unknown,
  ): Promise<unknown> {
    const { idempotencyKey, attempt: tries } = step;
    const call: StepCall = { target: attempt.target, id: idOf(attempt.row), step: name };
    const effect: { -readonly [K in keyof Effect]: Effect[K] } = {
      ...call,
      idempotencyKey,
      attempt: tries,
    };
    this.all.push(effect);
    const mocked = this.#mocks.get(name);
    try {
      const value = await (mocked === undefined ? action() : mocked(step, call));
      effect.outcome = { value };
      return value;
    } catch (error) {
      effect.outcome = { error };
      throw error;
    }
  }
}
