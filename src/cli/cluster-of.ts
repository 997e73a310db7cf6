// Whether an engine of the command line is a node of a cluster, by its settings.

import type { SubscriptionOptions } from "../model/subscription.ts";
import { nats } from "../nats-cluster.ts";
import type { Cluster } from "../ports/cluster.ts";
import { UsageError } from "./exit.ts";
import type { Settings } from "./settings.ts";

/** @throws UsageError when an app has no NATS, or the other way round; HoldfastError. */
export function clusterOf(
  settings: Settings,
  app: string = settings.app,
  subscriptions: readonly SubscriptionOptions[] = [],
): Cluster | undefined {
  const { nats: servers, natsCreds, partitions, replicas, durability, natsSync } = settings;
  if (servers.length === 0) {
    if (subscriptions.length > 0) {
      throw new UsageError("The app subscribes to streams: name the servers, --nats nats://…");
    }
    if (settings.app === "") return undefined;
    throw new UsageError("app is given without nats: name the servers too, --nats nats://…");
  }
  if (app === "") throw new UsageError("nats is given without app: name the app too, --app shop");
  return nats({
    servers,
    app,
    partitions,
    subscriptions,
    replicas,
    durability: oneOf("durability", durability, ["standard", "strict"] as const),
    sync: oneOf("natsSync", natsSync, ["interval", "always"] as const),
    ...(natsCreds === "" ? {} : { creds: natsCreds }),
  });
}

function oneOf<T extends string>(name: string, given: string, known: readonly T[]): T {
  const found = known.find((one) => one === given);
  if (found !== undefined) return found;
  throw new UsageError(`${name} is ${JSON.stringify(given)}: give ${known.join(" or ")}.`);
}
