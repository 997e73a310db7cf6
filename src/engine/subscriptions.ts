// What one partition is fed from while it is led here: a subscriber for each subscription of the app.
// Partitions led by one node share what they read and hear.
import type { SourceMessage, Subscription } from "../model/subscription.ts";
import type { Clock } from "../ports/clock.ts";
import type { OpenCluster } from "../ports/cluster.ts";
import type { Source } from "../ports/source.ts";
import type { Report } from "./events.ts";
import { LiveSubscriber } from "./live-subscriber.ts";
import type { Partition } from "./partition.ts";
import { Subscriber, type SubscriptionStatus } from "./subscriber.ts";

interface Feeding {
  readonly partition: Partition;
  readonly index: number;
  readonly count: number;
  readonly clock: Clock;
  readonly report: Report;
}

export interface Subscriptions {
  readonly statuses: readonly SubscriptionStatus[];
  stop(): void;
}

interface Fed {
  readonly status: SubscriptionStatus;
  stop(): void;
}

export class Sources {
  readonly #open: OpenCluster;
  readonly #subscriptions: readonly Subscription[];
  readonly #sources = new Map<Subscription, Source>();
  readonly #heard = new Map<Subscription, Set<(message: SourceMessage) => void>>();

  constructor(open: OpenCluster, subscriptions: readonly Subscription[] = []) {
    this.#open = open;
    this.#subscriptions = subscriptions;
  }

  feed(feeding: Feeding): Subscriptions {
    const fed = this.#subscriptions.flatMap((subscription) => {
      return (
        (subscription.stream === undefined
          ? this.#hear(subscription, feeding)
          : this.#read(subscription, feeding)) ?? []
      );
    });
    return {
      get statuses() {
        return fed.map(({ status }) => status);
      },
      stop: () => {
        for (const one of fed) one.stop();
      },
    };
  }

  #read(subscription: Subscription, feeding: Feeding): Fed | undefined {
    const source = this.#sources.get(subscription) ?? this.#open.source?.(subscription);
    if (source === undefined) return undefined;
    this.#sources.set(subscription, source);
    const subscriber = new Subscriber({ subscription, source, ...feeding });
    subscriber.start();
    return subscriber;
  }

  #hear(subscription: Subscription, feeding: Feeding): Fed | undefined {
    const subscriber = new LiveSubscriber({ subscription, ...feeding });
    const hear = (message: SourceMessage): void => subscriber.hear(message);
    let listeners = this.#heard.get(subscription);
    if (listeners === undefined) {
      const all = new Set<(message: SourceMessage) => void>();
      listeners = all;
      this.#heard.set(subscription, all);
      // For as long as the node has its connection: who leads changes, the subject does not.
      this.#open.listen?.(subscription.subject ?? "", (message) => {
        for (const each of all) each(message);
      });
    }
    listeners.add(hear);
    return {
      get status() {
        return subscriber.status;
      },
      stop: () => void listeners.delete(hear),
    };
  }
}
