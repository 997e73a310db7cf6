// What a node of a cluster asks of the world: apps, leases, a bus, and a storage per partition; as
// one thing to pass.
import type { Subscription } from "../model/subscription.ts";
import type { Apps } from "./apps.ts";
import type { Bus } from "./bus.ts";
import type { Leases } from "./leases.ts";
import type { Source, SourceMessage } from "./source.ts";
import type { Storage } from "./storage.ts";

export interface OpenCluster {
  /** Names this node among all nodes, alive or gone. */
  readonly node: string;
  readonly apps: Apps;
  readonly leases: Leases;
  readonly bus: Bus;
  /** Changelog and table of one partition of this app. Opening it is standing for its lead. */
  storage(partition: number): Storage;
  /** The stream of a subscription, for as long as this is open. */
  source?(subscription: Subscription): Source;
  /** Hears what comes on a plain subject, from now on. */
  listen?(subject: string, told: (message: SourceMessage) => void): { stop(): void };
  close(): Promise<void>;
}

export interface Cluster {
  readonly app: string;
  /** Partitions of the app, if it is registered now. */
  readonly partitions: number;
  /** Streams that this app's handlers are fed from. */
  readonly subscriptions?: readonly Subscription[];
  /**
   * `data`: a directory for this node's tables, a cache of what the changelogs hold; undefined for a
   * node that leads nothing.
   */
  connect(options: { readonly data: string | undefined }): Promise<OpenCluster>;
}
