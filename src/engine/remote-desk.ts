// A partition that another node leads, as the doors see it: what is asked goes over the bus, again
// and again while nobody leads there, and whoever waits for a result asks from time to time whether
// it has come. What must not happen twice is asked once (R26).
import { answerOf, decodeReply, encodeRequest } from "../codec/bus-message.ts";
import type { Answer } from "../model/effect.ts";
import type { Target } from "../model/entry.ts";
import { HoldfastError, isHoldfastError } from "../model/errors.ts";
import { explicitId, whereOf } from "../model/ids.ts";
import { type Home, idOf } from "../model/invocation-id.ts";
import { type Place, placeOf } from "../model/place.ts";
import type { InvocationNumber } from "../model/row.ts";
import { namedKeyOf, partitionKeyOf } from "../model/target.ts";
import type { Bus } from "../ports/bus.ts";
import type { Clock } from "../ports/clock.ts";
import { partitionHash } from "../std/hash.ts";
import type { Asked, Desk } from "./desk.ts";
import { Replies, type Reply } from "./replies.ts";

/** How long an answer may take, beside what it may wait for a result. */
const timeoutMs = 5000;
/** How long one request waits for a result before it is asked anew. */
const waitMs = 15_000;
/** How long it is tried while nobody leads: a takeover takes less. */
const patienceMs = 45_000;
const retryMs = 100;

export interface RemoteParts {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly home: Home;
  /** 16 hex digits: a partition key of this partition, for what has none. */
  ownKey(name: string): string;
  mint(): string;
  /** Whether the code here has this handler. */
  hosts(target: Target): boolean;
}

export class RemoteDesk implements Desk {
  readonly #parts: RemoteParts;
  readonly #place: Place;
  readonly #waiting = new Replies();
  /** What is waited for, by number: the id it is asked about by. */
  readonly #ids = new Map<InvocationNumber, string>();
  readonly #polled = new Set<InvocationNumber>();
  #closed = false;

  constructor(parts: RemoteParts) {
    this.#parts = parts;
    this.#place = placeOf(parts.home.place);
  }

  get home(): Home {
    return this.#parts.home;
  }

  readonly replies: Desk["replies"] = {
    wait: (n, reply) => this.#wait(n, reply),
    leave: (n, reply) => this.#waiting.leave(n, reply),
    asked: (asker) => this.#waiting.asked(asker),
    answered: (asker) => this.#waiting.answered(asker),
    request: (reject, ask) => this.#waiting.request(reject, ask),
  };

  now(): number {
    return this.#parts.clock.now();
  }

  /** The leader admits or does not. */
  admit(): undefined {
    return undefined;
  }

  /** Only the leader folds; what is asked of it waits for that where it must. */
  fold(): Promise<void> {
    return Promise.resolve();
  }

  propose(proposal: Asked): void {
    const { request, ...asked } = this.#named(proposal);
    this.#ask(asked as Asked, 0).then(
      (answer) => {
        if (answer.kind !== "invocation" || answer.result !== null) return request.settle(answer);
        const { n } = answer.named;
        this.#ids.set(n, idOf(answer.named));
        request.settle(answer);
        // Who only sent does not wait for it.
        if (!this.#waiting.waits(n)) this.#ids.delete(n);
      },
      (error: unknown) => {
        const refused = error instanceof HoldfastError ? error : unknown(error);
        request.settle({ kind: "refused", error: refused });
      },
    );
  }

  /** A request gets its id here, so that one sent twice is one (R26). */
  #named(proposal: Asked): Asked {
    const name = this.#parts.mint();
    const own = (): string => this.#parts.ownKey(partitionHash(name));
    const minted = (key: string): string => explicitId(key, name, this.#place.app);
    switch (proposal.kind) {
      case "invoke": {
        if (proposal.id !== undefined) return proposal;
        const { target, idempotencyKey } = proposal.call;
        return { ...proposal, id: minted(namedKeyOf(target, idempotencyKey) ?? own()) };
      }
      case "signal":
      case "resume":
      case "restart":
        return { ...proposal, once: minted(keyIn(proposal.id) ?? own()) };
      case "editState":
        return { ...proposal, once: minted(partitionKeyOf(proposal.service, proposal.key)) };
      default:
        return proposal;
    }
  }

  async #ask(proposal: Asked, wait: number): Promise<Answer> {
    const { bus, clock } = this.#parts;
    const bytes = encodeRequest({ kind: "ask", proposal, waitMs: wait });
    const until = clock.monotonic() + patienceMs;
    for (let attempt = 0; ; attempt++) {
      try {
        const options = { timeoutMs: timeoutMs + wait };
        const answer = answerOf(decodeReply(await bus.request(this.#place, bytes, options)));
        if (!this.#again(proposal, answer) || clock.monotonic() > until) return answer;
      } catch (error) {
        const again =
          isHoldfastError(error, "LEADER_UNREACHABLE") ||
          isHoldfastError(error, "REQUEST_UNANSWERED");
        if (!again || this.#closed || clock.monotonic() > until) throw error;
      }
      const pause = retryMs * Math.min(attempt + 1, 10);
      await new Promise<void>((resolve) => void clock.after(pause, resolve));
    }
  }

  /** Refused for what is so of that node only, and not of the next one to lead. */
  #again(proposal: Asked, answer: Answer): boolean {
    if (this.#closed || answer.kind !== "refused") return false;
    const { code } = answer.error;
    // It handed its partitions over, or lost this one, while somebody waited there.
    if (code === "ENGINE_CLOSED" || code === "ENGINE_FAILED") return true;
    // Its code does not know what the code here has: it is older, and gives way soon (R11).
    const unknown = code === "SERVICE_NOT_FOUND" || code === "HANDLER_NOT_FOUND";
    return unknown && proposal.kind === "invoke" && this.#parts.hosts(proposal.call.target);
  }

  #wait(n: InvocationNumber, reply: Reply): void {
    this.#waiting.wait(n, reply);
    if (this.#polled.has(n)) return;
    this.#polled.add(n);
    void this.#poll(n).finally(() => {
      this.#polled.delete(n);
      this.#ids.delete(n);
    });
  }

  async #poll(n: InvocationNumber): Promise<void> {
    const id = this.#ids.get(n) ?? "";
    const proposal = { kind: "attach", id } as Asked;
    while (this.#waiting.waits(n) && !this.#closed) {
      try {
        const answer = await this.#ask(proposal, waitMs);
        if (answer.kind === "refused") return this.#waiting.refuse(n, answer.error);
        if (answer.kind !== "invocation") return;
        if (answer.result !== null) return this.#waiting.completed(n, answer.result);
      } catch (error) {
        return this.#waiting.refuse(n, error instanceof HoldfastError ? error : unknown(error));
      }
    }
  }

  close(): void {
    this.#closed = true;
    this.#waiting.fail(new HoldfastError("ENGINE_CLOSED"));
  }
}

/** The partition key of an id; undefined for what is none, which its partition refuses. */
function keyIn(id: string): string | undefined {
  try {
    return whereOf(id).partitionKey;
  } catch {
    return undefined;
  }
}

function unknown(cause: unknown): HoldfastError {
  return new HoldfastError("REQUEST_UNANSWERED", { cause });
}
