// The door of one engine, without any transport: typed calls and sends become proposals, answers
// become promises. It implements `Client`; what opens and closes behind it is the host's.
import { durationMs } from "../model/duration.ts";
import type { Answer } from "../model/effect.ts";
import type { Target } from "../model/entry.ts";
import { failureOf, HoldfastError, TerminalError } from "../model/errors.ts";
import { idOf, runId } from "../model/invocation-id.ts";
import type { Payload, Result } from "../model/payload.ts";
import type { Span } from "../ports/telemetry.ts";
import { type Called, methodsOf, requestOf } from "../sdk/calls.ts";
import type { Serde } from "../sdk/serde.ts";
import type { Callable, CallOptions, Client, Invocation, SendOptions } from "../sdk/types.ts";
import { encodeJson } from "../sdk/values.ts";
import type { Desk } from "./desk.ts";
import { asked, type IngressHost } from "./door.ts";
import { PendingCall, settle, type Waiting } from "./pending-call.ts";
import { ending, invocationSpan } from "./traced.ts";

export class Ingress implements Pick<Client, "call" | "send" | "invocation"> {
  readonly #host: IngressHost;

  constructor(host: IngressHost) {
    this.#host = host;
  }

  readonly call: Client["call"] = ((target: Callable, ...to: []) =>
    methodsOf<Waiting, Promise<unknown>>(target, to, (called) =>
      this.#call(called),
    )) as Client["call"];

  readonly send: Client["send"] = ((target: Callable, ...to: []) =>
    methodsOf<SendOptions, Promise<Invocation<unknown>>>(target, to, (called) =>
      this.#send(called),
    )) as Client["send"];

  #call(called: Called<Waiting>): Promise<unknown> {
    const { telemetry } = this.#host;
    if (telemetry === undefined) return this.#ask(called);
    const { target, options } = called;
    const span = invocationSpan(telemetry, { target, headers: options?.headers, how: "call" });
    return ending(span, this.#ask(traced(called, span), span), () => ({}));
  }

  /** At once where nothing is to be waited for: in a short call, each promise more is noticed. */
  #ask(called: Called<Waiting>, span?: Span): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const ask = (desk: Desk): void => new PendingCall(called, desk, resolve, reject, span).ask();
      const partition = this.#admitted(called.target, called.options?.idempotencyKey);
      if (partition instanceof Promise) partition.then(ask).catch(reject);
      else ask(partition);
    });
  }

  #send(called: Called<SendOptions>): Promise<Invocation<unknown>> {
    const { telemetry } = this.#host;
    if (telemetry === undefined) return this.#sent(called);
    const { target, options } = called;
    const how = options?.delay === undefined ? "send" : "delayed send";
    const span = invocationSpan(telemetry, { target, headers: options?.headers, how });
    const sent = this.#sent(traced(called, span));
    return ending(span, sent, ({ id }) => ({ "holdfast.invocation.id": id }));
  }

  async #sent(called: Called<SendOptions>): Promise<Invocation<unknown>> {
    const { options, spec } = called;
    const partition = await this.#admitted(called.target, options?.idempotencyKey);
    const call = await requestOf(called);
    const due = dueOf(options?.delay, partition.now());
    const answer = await asked(partition, (request) => {
      partition.propose({ kind: "invoke", call, due, request });
    });
    if (answer.kind !== "invocation") throw new HoldfastError("ENGINE_FAILED");
    return this.#handle(() => idOf(answer.named), called.target, spec?.serde);
  }

  invocation<O = unknown>(id: string): Invocation<O> {
    return this.#handle(() => id) as Invocation<O>;
  }

  /** The run of a workflow. Its id is known once the engine is open. */
  run(target: Callable, key: string): Invocation<unknown> {
    const id = (): string => {
      const { home } = this.#host;
      if (home === undefined) throw new HoldfastError("ENGINE_NOT_STARTED");
      return runId(home, { service: target.name, key });
    };
    return this.#handle(id, { service: target.name, key, handler: "run" });
  }

  #handle(id: () => string, target?: Target, serde?: Serde): Invocation<unknown> {
    return {
      get id() {
        return id();
      },
      result: () => this.#result(id, target, serde),
      cancel: () => this.operate("cancel", id),
    };
  }

  async #result(id: () => string, target?: Target, serde?: Serde): Promise<unknown> {
    const partition = await this.#host.deskOf(id);
    return new Promise((resolve, reject) => {
      const done = (result: Result): void => settle(result, { target, id }, serde, resolve, reject);
      partition.replies.request(reject, (answered) => {
        const settleAnswer = (answer: Answer): void => {
          answered();
          if (answer.kind === "refused") return reject(answer.error);
          if (answer.kind !== "invocation") return;
          if (answer.result !== null) return done(answer.result);
          partition.replies.wait(answer.named.n, { result: done, refused: reject });
        };
        partition.propose({ kind: "attach", id: id(), request: { settle: settleAnswer } });
      });
    });
  }

  /** What an operator may ask of one invocation; resolves once it is durable. */
  async operate(
    kind: "cancel" | "kill" | "pause" | "resume" | "purge",
    id: () => string,
    withSends = false,
  ): Promise<void> {
    const partition = await this.#host.deskOf(id);
    await asked(partition, (request) => {
      partition.propose({ kind, id: id(), request, withSends });
    });
  }

  async restart(id: string, from: number, unsafe: boolean): Promise<Invocation<unknown>> {
    const partition = await this.#host.deskOf(() => id);
    await partition.admit();
    // The journal of what has ended is read where it is folded.
    if (from !== 0) await partition.fold();
    const answer = await asked(partition, (request) => {
      partition.propose({ kind: "restart", id, from, unsafe, request });
    });
    if (answer.kind !== "invocation") throw new HoldfastError("ENGINE_FAILED");
    return this.#handle(() => idOf(answer.named));
  }

  async completeAwakeable(id: string, result: Result): Promise<void> {
    const partition = await this.#host.deskOf(() => id);
    await asked(partition, (request) => {
      partition.propose({ kind: "completeAwakeable", id, result, request });
    });
  }

  async signal(id: string, name: string, value?: unknown): Promise<void> {
    const partition = await this.#host.deskOf(() => id);
    const result: Result = { value: encodeJson(value, "The value of a signal") };
    await asked(partition, (request) => {
      partition.propose({ kind: "signal", id, name, result, request });
    });
  }

  awakeable(id: string): ReturnType<Client["awakeable"]> {
    return {
      resolve: async (value) =>
        this.completeAwakeable(id, { value: encodeJson(value, "The value of an awakeable") }),
      reject: async (reason) =>
        this.completeAwakeable(id, { failure: failureOf(new TerminalError(reason)) }),
    };
  }

  /** Edits the state of a key in its turn; `null` removes a name. */
  async editState(
    target: Callable,
    key: string,
    values: Readonly<Record<string, unknown>>,
    options: { readonly clear?: boolean | undefined; readonly version?: number | undefined } = {},
  ): Promise<void> {
    const admitted = this.#admitted({ service: target.name, key }, undefined);
    // Asked in the order of the program, beside calls that need not wait either.
    const partition = admitted instanceof Promise ? await admitted : admitted;
    const encoded: [string, Payload][] = [];
    for (const [name, value] of Object.entries(values)) {
      encoded.push([name, value === null ? null : encodeJson(value, `The state "${name}"`)]);
    }
    const { clear = false, version } = options;
    const answer = await asked(partition, (request) => {
      const service = target.name;
      partition.propose({
        kind: "editState",
        service,
        key,
        clear,
        values: encoded,
        version,
        request,
      });
    });
    // It waits behind what holds the key: its result is the answer.
    if (answer.kind === "invocation") await this.#result(() => idOf(answer.named));
  }

  #admitted(
    target: Pick<Target, "service" | "key">,
    idempotencyKey: string | undefined,
  ): Desk | Promise<Desk> {
    const partition = this.#host.deskFor(target, idempotencyKey);
    return partition instanceof Promise ? partition.then(admitted) : admitted(partition);
  }
}

function admitted(partition: Desk): Desk | Promise<Desk> {
  return partition.admit()?.then(() => partition) ?? partition;
}

function dueOf(delay: SendOptions["delay"], now: number): number | undefined {
  if (delay === undefined) return undefined;
  if (!(delay instanceof Date)) return now + durationMs(delay);
  const due = delay.getTime();
  if (Number.isFinite(due)) return due;
  throw new HoldfastError("DURATION_INVALID", { message: "The delay is an invalid Date." });
}

/** The call with the span's context among its headers. */
function traced<O extends CallOptions>(called: Called<O>, span: Span): Called<O> {
  const options = { ...called.options, headers: { ...called.options?.headers, ...span.headers } };
  return { ...called, options: options as unknown as O };
}
