// Answers for one partition on the bus, while it is led here: messages from other partitions, and
// requests that came in at other nodes. An answer leaves when what it says is durable (I1, R22).
import {
  type AskedElsewhere,
  type BusReply,
  type BusRequest,
  decodeReply,
  decodeRequest,
  encodeReply,
  encodeRequest,
  type PartitionStatus,
  replyOf,
} from "../codec/bus-message.ts";
import type { AppService } from "../model/app-record.ts";
import type { Answer, Request } from "../model/effect.ts";
import { failureOf } from "../model/errors.ts";
import type { Result } from "../model/payload.ts";
import type { Place } from "../model/place.ts";
import type { Proposal } from "../model/proposal.ts";
import type { Bus } from "../ports/bus.ts";
import type { Partition } from "./partition.ts";
import type { SubscriptionStatus } from "./subscriber.ts";

/** The apps of a cluster, and their partitions by number: undefined where no leader answers. */
export interface ClusterView {
  /** The node that was asked. */
  readonly node: string;
  readonly apps: readonly {
    readonly app: string;
    readonly services: readonly AppService[];
    readonly partitions: readonly (PartitionStatus | undefined)[];
  }[];
}

const statusMsMax = 1500;

export async function statusOf(bus: Bus, place: Place): Promise<PartitionStatus | undefined> {
  try {
    const request = encodeRequest({ kind: "status" });
    const reply = decodeReply(await bus.request(place, request, { timeoutMs: statusMsMax }));
    return reply.kind === "status" ? reply.status : undefined;
  } catch {
    return undefined;
  }
}

export class PartitionServer {
  readonly #partition: Partition;
  readonly #node: string;
  readonly #fed: { readonly statuses: readonly SubscriptionStatus[] };

  constructor(
    partition: Partition,
    node: string,
    fed: { readonly statuses: readonly SubscriptionStatus[] },
  ) {
    this.#partition = partition;
    this.#node = node;
    this.#fed = fed;
  }

  async answer(bytes: Uint8Array): Promise<Uint8Array> {
    return encodeReply(await this.#reply(decodeRequest(bytes)));
  }

  #reply(request: BusRequest): Promise<BusReply> {
    switch (request.kind) {
      case "deliver":
        return this.#deliver(request);
      case "ask":
        return this.#ask(request);
      case "status":
        return this.#status();
    }
  }

  /** As of an append begun now: one that was replaced says nothing. */
  #status(): Promise<BusReply> {
    const { processor } = this.#partition;
    const { epoch, durable, folded, lagBytes } = this.#partition.gauges();
    const { durability } = this.#partition;
    const subscriptions = this.#fed.statuses;
    const place = { epoch, position: durable, folded, lagBytes };
    const status = { node: this.#node, ...place, durability, subscriptions };
    return new Promise((resolve) => {
      processor.barrier(() => resolve({ kind: "status", status }));
    });
  }

  #deliver({ from, first, messages }: Extract<BusRequest, { kind: "deliver" }>): Promise<BusReply> {
    const { processor, tables } = this.#partition;
    messages.forEach((message, i) => {
      processor.propose({ kind: "deliver", from, seq: first + i, message });
    });
    const { accepted } = tables.outbox.from(from);
    return new Promise((resolve) => {
      processor.barrier(() => resolve({ kind: "accepted", seq: accepted }));
    });
  }

  async #ask({ proposal, waitMs }: Extract<BusRequest, { kind: "ask" }>): Promise<BusReply> {
    const partition = this.#partition;
    if (admits(proposal)) await partition.admit();
    return new Promise((resolve, reject) => {
      const settle = (answer: Answer): void => {
        answered();
        if (answer.kind !== "invocation" || answer.result !== null || waitMs === 0) {
          return resolve(replyOf(answer));
        }
        this.#wait(answer, waitMs, resolve);
      };
      let answered = (): void => {};
      // Told unknown by silence: the other side asks again, here or at the next leader.
      partition.replies.request(reject, (done) => {
        answered = done;
        const request: Request = { settle };
        partition.propose({ ...proposal, request } as Proposal);
      });
    });
  }

  /** Answers when it has ended, or says after a while that it has not. */
  #wait(
    answer: Extract<Answer, { kind: "invocation" }>,
    waitMs: number,
    resolve: (reply: BusReply) => void,
  ): void {
    const { replies } = this.#partition;
    const { n } = answer.named;
    const reply = {
      result: (result: Result): void => {
        timer.cancel();
        resolve(replyOf({ ...answer, result }));
      },
      refused: (error: unknown): void => {
        timer.cancel();
        resolve({ kind: "refused", failure: failureOf(error) });
      },
    };
    const timer = this.#partition.after(waitMs, () => {
      replies.leave(n, reply);
      resolve(replyOf(answer));
    });
    replies.wait(n, reply);
  }
}

/** New work is admitted; what is about work that is here already always is (R13). */
function admits(proposal: AskedElsewhere): boolean {
  return proposal.kind === "invoke" || proposal.kind === "restart" || proposal.kind === "editState";
}
