// Feeds one partition from a plain subject: at most once. Every node hears every message; the leader of
// the partition that its key belongs to takes it. Nothing remembers what was not taken: while nobody
// leads, or work is held back, messages are lost.
import { partitionOfKey } from "../model/place.ts";
import { callIn, keyIn, type SourceMessage, type Subscription } from "../model/subscription.ts";
import { namedKeyOf } from "../model/target.ts";
import { hexOf } from "../std/bytes.ts";
import { partitionHash } from "../std/hash.ts";
import type { Report } from "./events.ts";
import type { Partition } from "./partition.ts";
import type { SubscriptionStatus } from "./subscriber.ts";

export interface LiveParts {
  readonly subscription: Subscription;
  readonly partition: Partition;
  readonly index: number;
  readonly count: number;
  readonly report: Report;
}

export class LiveSubscriber {
  readonly #parts: LiveParts;
  #taken = 0;
  #heard = 0;
  #parked = 0;

  constructor(parts: LiveParts) {
    this.#parts = parts;
  }

  get status(): SubscriptionStatus {
    const { name } = this.#parts.subscription;
    const counts = { position: this.#taken, last: this.#heard, parked: this.#parked };
    return { name, stream: undefined, ...counts, stopped: undefined };
  }

  hear(message: SourceMessage): void {
    const { subscription, index, count } = this.#parts;
    const keyed = keyIn(subscription, message);
    const key = "key" in keyed ? keyed.key : null;
    // What has no key is the same partition's for every node that hears it.
    const named = namedKeyOf({ service: "", key }, undefined) ?? partitionHash(textOf(message));
    if (partitionOfKey(named, count) !== index) return;
    this.#heard++;
    const asked = "key" in keyed ? callIn(subscription, key, message) : keyed;
    if ("call" in asked) return this.#take(asked.call);
    this.#parked++;
    const { name } = subscription;
    this.#parts.report({ kind: "subscriptionParked", name, sequence: 0, why: asked.poison });
  }

  #take(call: Extract<ReturnType<typeof callIn>, { call: unknown }>["call"]): void {
    const { partition, subscription } = this.#parts;
    // Held back: a plain subject does not wait.
    if (partition.admit() !== undefined) return;
    const settle = (answer: { readonly kind: string }): void => {
      if (answer.kind !== "refused") return void this.#taken++;
      this.#parked++;
      const { name } = subscription;
      const why = "its handler or its key cannot take it";
      this.#parts.report({ kind: "subscriptionParked", name, sequence: 0, why });
    };
    partition.propose({ kind: "invoke", call, request: { settle } });
  }
}

function textOf({ subject, data }: SourceMessage): string {
  return `${subject} ${hexOf(data.length > 256 ? data.subarray(0, 256) : data)} ${data.length}`;
}
