// The door of one engine for those who speak a protocol: requests and results as payloads, ids as
// text, waiting that can be given up. Values and types are the typed door's, ingress.ts. These two
// are all that ask for a partition: which one serves what is asked is decided here.
import type { Answer, Request } from "../model/effect.ts";
import type { Target } from "../model/entry.ts";
import { HoldfastError } from "../model/errors.ts";
import { type Home, idempotentId, idOf, runId } from "../model/invocation-id.ts";
import type { CallRequest } from "../model/message.ts";
import type { Result } from "../model/payload.ts";
import type { Attributes, Span, Telemetry } from "../ports/telemetry.ts";
import type { DefinitionSpec } from "../sdk/definition.ts";
import type { Desk } from "./desk.ts";
import type { EngineEvent } from "./events.ts";
import { carrying, ending, invocationSpan } from "./traced.ts";

/** What a door stands before: an engine that opens itself when it is first needed. */
type Addressed = Pick<Target, "service" | "key">;

export interface IngressHost {
  /** The partition that serves a target, or a promise of it. */
  deskFor(target: Addressed, idempotencyKey: string | undefined): Desk | Promise<Desk>;
  /** The one an invocation's or awakeable's id belongs to. */
  deskOf(id: () => string): Desk | Promise<Desk>;
  /** What ids that follow from names are computed with; undefined while nothing was asked yet. */
  readonly home: Home | undefined;
  /** Undefined where nobody listens. */
  readonly telemetry: Telemetry | undefined;
}

export interface DoorHost extends IngressHost {
  report(event: EngineEvent): void;
  readonly registry: {
    names(): string[];
    definition(service: string): DefinitionSpec | undefined;
  };
}

/** An invocation that exists, as it was when it was asked for. */
export interface Known {
  readonly id: string;
  /** Null while it has not ended. */
  readonly result: Result | null;
  /** It was there before this request. */
  readonly attached: boolean;
  /** When it is to start, in ms since 1970; null when it may start already. */
  readonly due: number | null;
  /** Until when its result can be asked for, where that is a time. */
  readonly keptUntil: number | null;
}

/** One that has ended. */
export interface Ended extends Known {
  readonly result: Result;
}

export interface Waiting {
  /** Ends the waiting, never the invocation. */
  readonly signal?: GiveUp | undefined;
}

/** What is asked of an AbortSignal here: one costs as much as the rest of a short request. */
export interface GiveUp {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: "abort", then: () => void, options?: { readonly once: true }): void;
  removeEventListener(type: "abort", then: () => void): void;
}

/** What an operator may ask of one invocation. */
export type Operation = "cancel" | "kill" | "pause" | "resume" | "purge";

type Named = Extract<Answer, { kind: "invocation" }>;

export class Door {
  readonly #host: DoorHost;
  readonly telemetry: Telemetry | undefined;

  constructor(host: DoorHost) {
    this.#host = host;
    this.telemetry = host.telemetry;
  }

  // ---- what is hosted

  services(): string[] {
    return this.#host.registry.names();
  }

  /** Tells whoever runs the engine. */
  report(event: EngineEvent): void {
    this.#host.report(event);
  }

  definition(service: string): DefinitionSpec | undefined {
    return this.#host.registry.definition(service);
  }

  // ---- invocations

  /**
   * Invokes and waits for the end.
   *
   * @throws HoldfastError `SERVICE_NOT_FOUND`, `WORKFLOW_ALREADY_STARTED` with the id in `data`, …;
   * what `signal` says.
   */
  call(call: CallRequest, waiting: Waiting = {}): Promise<Ended> {
    const { telemetry } = this;
    if (telemetry === undefined) return this.#call(call, waiting);
    const span = invocationSpan(telemetry, { ...call, how: "call" });
    return ending(span, this.#call(carrying(call, span), waiting), (of) => told(of, span));
  }

  async #call(call: CallRequest, { signal }: Waiting): Promise<Ended> {
    const partition = await this.#admitted(call);
    return ended(
      partition,
      (request) => partition.propose({ kind: "invoke", call, request }),
      signal,
      (answer) => this.#checkStarted(answer, call.target),
    );
  }

  /** Invokes; resolves once that is durable. `delay` is in milliseconds. */
  send(call: CallRequest, delay?: number): Promise<Known> {
    const { telemetry } = this;
    if (telemetry === undefined) return this.#send(call, delay);
    const how = delay === undefined ? "send" : "delayed send";
    const span = invocationSpan(telemetry, { ...call, how });
    return ending(span, this.#send(carrying(call, span), delay), told);
  }

  async #send(call: CallRequest, delay?: number): Promise<Known> {
    const partition = await this.#admitted(call);
    const due = delay === undefined ? undefined : partition.now() + delay;
    const answer = await asked(partition, (request) => {
      partition.propose({ kind: "invoke", call, due, request });
    });
    return knownOf(answer);
  }

  /** @throws HoldfastError `INVOCATION_NOT_FOUND`, `INVOCATION_ID_INVALID`; what `signal` says. */
  async attach(id: string, { signal }: Waiting = {}): Promise<Ended> {
    const partition = await this.#host.deskOf(() => id);
    return ended(
      partition,
      (request) => partition.propose({ kind: "attach", id, request }),
      signal,
    );
  }

  /**
   * Its result, without waiting for it.
   *
   * @throws HoldfastError `INVOCATION_NOT_COMPLETED`, `INVOCATION_NOT_FOUND`, `INVOCATION_ID_INVALID`.
   */
  async output(id: string): Promise<Ended> {
    const partition = await this.#host.deskOf(() => id);
    const answer = await asked(partition, (request) => {
      partition.propose({ kind: "attach", id, request });
    });
    const known = knownOf(answer);
    if (known.result !== null) return { ...known, result: known.result };
    throw new HoldfastError("INVOCATION_NOT_COMPLETED", { data: { id } });
  }

  /** The id of a workflow's run, or of what an idempotency key names, whether it exists or not. */
  async idOf(target: Target, idempotencyKey?: string): Promise<string> {
    const { home } = await this.#host.deskFor(target, idempotencyKey);
    if (idempotencyKey === undefined) return runId(home, target);
    return idempotentId(home, target, idempotencyKey);
  }

  /** Resolves once it is durable. */
  async operate(kind: Operation, id: string, withSends = false): Promise<void> {
    const partition = await this.#host.deskOf(() => id);
    await asked(partition, (request) => {
      partition.propose({ kind, id, request, withSends });
    });
  }

  // ---- what reaches an invocation from outside

  /** @throws HoldfastError `AWAKEABLE_NOT_FOUND`, `AWAKEABLE_ID_INVALID`. */
  async completeAwakeable(id: string, result: Result): Promise<void> {
    const partition = await this.#host.deskOf(() => id);
    await asked(partition, (request) => {
      partition.propose({ kind: "completeAwakeable", id, result, request });
    });
  }

  /** @throws HoldfastError `INVOCATION_NOT_FOUND`, `INVOCATION_ID_INVALID`, `INBOX_FULL`. */
  async signal(id: string, name: string, result: Result): Promise<void> {
    const partition = await this.#host.deskOf(() => id);
    await asked(partition, (request) => {
      partition.propose({ kind: "signal", id, name, result, request });
    });
  }

  async #admitted({ target, idempotencyKey }: CallRequest): Promise<Desk> {
    const opening = this.#host.deskFor(target, idempotencyKey);
    const partition = opening instanceof Promise ? await opening : opening;
    const admitted = partition.admit();
    if (admitted !== undefined) await admitted;
    return partition;
  }

  /** A workflow's run is called once: who asks for its result attaches to it. */
  #checkStarted(answer: Named, { service, handler }: Target): void {
    if (!answer.attached) return;
    if (this.definition(service)?.handlers.get(handler)?.mode !== "workflow") return;
    const id = idOf(answer.named);
    throw new HoldfastError("WORKFLOW_ALREADY_STARTED", { data: { service, id } });
  }
}

/** Asks, and waits until what is named by the answer has ended. */
function ended(
  partition: Desk,
  ask: (request: Request) => void,
  signal: GiveUp | undefined,
  check: (answer: Named) => void = () => {},
): Promise<Ended> {
  const { replies } = partition;
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(signal.reason as Error);
    let leave = (): void => {};
    const given = (): void => {
      leave();
      reject(signal?.reason as Error);
    };
    const done = (): void => signal?.removeEventListener("abort", given);
    const refused = (error: unknown): void => {
      done();
      reject(error as Error);
    };
    signal?.addEventListener("abort", given, { once: true });
    const settle = (answer: Answer): void => {
      if (signal?.aborted === true) return;
      const known = knownOf(answer);
      check(namedIn(answer));
      const result = (result: Result): void => {
        done();
        resolve({ ...known, result });
      };
      if (known.result !== null) return result(known.result);
      const { n } = namedIn(answer).named;
      const reply = { result, refused };
      leave = () => replies.leave(n, reply);
      replies.wait(n, reply);
    };
    replies.request(refused, (answered) => {
      ask({
        settle: (answer) => {
          answered();
          try {
            settle(answer);
          } catch (error) {
            refused(error);
          }
        },
      });
    });
  });
}

/** Asks, and resolves once the answer is durable. */
export function asked(partition: Desk, ask: (request: Request) => void): Promise<Answer> {
  return new Promise((resolve, reject) => {
    partition.replies.request(reject, (answered) => {
      ask({
        settle: (answer) => {
          answered();
          if (answer.kind === "refused") reject(answer.error);
          else resolve(answer);
        },
      });
    });
  });
}

/** What is known of an invocation, on the span around it. */
function told({ id, attached, result }: Known, span?: Span): Attributes {
  if (span !== undefined && result !== null && "failure" in result) span.fail(result.failure);
  return { "holdfast.invocation.id": id, "holdfast.attached": attached };
}

function namedIn(answer: Answer): Named {
  if (answer.kind === "refused") throw answer.error;
  if (answer.kind === "done") throw new HoldfastError("ENGINE_FAILED");
  return answer;
}

function knownOf(answer: Answer): Known {
  const { named, result, attached, due, keptUntil } = namedIn(answer);
  return { id: idOf(named), result, attached, due, keptUntil };
}
