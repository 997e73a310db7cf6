// A typed call on its way: asked, and from the answer on waiting for the result. One object, since
// under load there are very many of them.
import type { Answer, Request } from "../model/effect.ts";
import type { Target } from "../model/entry.ts";
import { errorOf, HoldfastError } from "../model/errors.ts";
import { idOf, type Named } from "../model/invocation-id.ts";
import type { CallRequest } from "../model/message.ts";
import type { Result } from "../model/payload.ts";
import type { Span } from "../ports/telemetry.ts";
import { targetText } from "../replay/mismatch.ts";
import { type Called, requestOf } from "../sdk/calls.ts";
import { jsonSerde, type Serde } from "../sdk/serde.ts";
import type { CallOptions } from "../sdk/types.ts";
import type { Desk } from "./desk.ts";
import type { Reply } from "./replies.ts";

export interface Waiting extends CallOptions {
  readonly signal?: AbortSignal | undefined;
}

export class PendingCall implements Request, Reply {
  readonly #called: Called<Waiting>;
  readonly #partition: Desk;
  readonly #resolve: (value: unknown) => void;
  readonly #reject: (error: unknown) => void;
  #stop: (() => void) | undefined;
  #idempotent = false;
  #named: Named | undefined;
  readonly #span: Span | undefined;

  constructor(
    called: Called<Waiting>,
    partition: Desk,
    resolve: (value: unknown) => void,
    reject: (error: unknown) => void,
    span?: Span,
  ) {
    this.#span = span;
    this.#called = called;
    this.#partition = partition;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** @throws what the input's encoding or the caller's signal says, where that is known at once. */
  ask(): void {
    const call = requestOf(this.#called);
    if (!(call instanceof Promise)) return this.#ask(call);
    call.then((ready) => this.#ask(ready)).catch((error: unknown) => this.refused(error));
  }

  #ask(call: CallRequest): void {
    this.#stopOn(this.#called.options?.signal);
    this.#idempotent = call.idempotencyKey !== undefined;
    const partition = this.#partition;
    if (!partition.replies.asked(this)) return;
    partition.propose({ kind: "invoke", call, request: this });
  }

  #stopOn(signal: AbortSignal | undefined): void {
    if (signal === undefined) return;
    signal.throwIfAborted();
    const abort = (): void => this.#reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    this.#stop = () => signal.removeEventListener("abort", abort);
  }

  settle(answer: Answer): void {
    const { replies } = this.#partition;
    replies.answered(this);
    if (answer.kind === "refused") return this.refused(answer.error);
    if (answer.kind !== "invocation") return;
    const { spec, target } = this.#called;
    const { named, attached, result } = answer;
    const workflowRun = spec?.mode === "workflow" || target.handler === "run";
    if (attached && workflowRun && !this.#idempotent) {
      const data = { ...target, id: idOf(named) };
      return this.refused(new HoldfastError("WORKFLOW_ALREADY_STARTED", { data }));
    }
    this.#named = named;
    this.#span?.set({ "holdfast.invocation.id": idOf(named), "holdfast.attached": attached });
    if (result !== null) return this.result(result);
    replies.wait(named.n, this);
  }

  result(result: Result): void {
    this.#stop?.();
    const { spec, target } = this.#called;
    settle(result, { target, id: this.#id }, spec?.serde, this.#resolve, this.#reject);
  }

  readonly #id = (): string => (this.#named === undefined ? "" : idOf(this.#named));

  refused(error: unknown): void {
    this.#stop?.();
    this.#reject(error);
  }
}

/** Where a failure is said to come from, where it does not say so itself. */
interface From {
  readonly target: Target | undefined;
  id(): string;
}

export function settle(
  result: Result,
  from: From,
  serde: Serde | undefined,
  resolve: (value: unknown) => void,
  reject: (error: unknown) => void,
): void {
  if ("failure" in result) {
    const { failure } = result;
    const { invocation = from.id() } = failure;
    const target = failure.target ?? (from.target && targetText(from.target));
    return reject(errorOf({ ...failure, invocation, ...(target === undefined ? {} : { target }) }));
  }
  try {
    resolve((serde ?? jsonSerde).decode(result.value));
  } catch (error) {
    reject(error);
  }
}
