// What one node has of a cluster over NATS, put together from its parts: wiring only. Simulation puts
// it together on parts of its own.

import { NatsApps } from "./nats/apps.ts";
import { NatsBus } from "./nats/bus.ts";
import type { Connection } from "./nats/connection.ts";
import { NatsCopies } from "./nats/copies.ts";
import { halted } from "./nats/halt.ts";
import type { JetStreamOptions } from "./nats/jetstream.ts";
import { JetStream } from "./nats/jetstream.ts";
import { NatsLeases } from "./nats/leases.ts";
import { changelogNames } from "./nats/names.ts";
import { leaseMsDefault, type ProvisionOptions } from "./nats/provision.ts";
import { NatsSource } from "./nats/source.ts";
import { type NodeTable, natsStorage } from "./nats-storage.ts";
import type { OpenCluster } from "./ports/cluster.ts";

export interface NatsNodeParts {
  readonly app: string;
  readonly node: string;
  readonly provision: ProvisionOptions;
  readonly connection: Connection;
  /** Who may purge, where that is another user than who appends. */
  readonly janitor: Connection | undefined;
  readonly jetstream?: JetStreamOptions | undefined;
  /** Bytes of one message of a changelog; for tests. */
  readonly partBytes?: number | undefined;
  /** What the durability is, for the line printed at start. */
  readonly promise: string;
  /** @throws TypeError on a node that leads nothing. */
  table(partition: number): NodeTable;
  /** Ends the connections. */
  end(): Promise<void>;
}

export function natsNode(parts: NatsNodeParts): OpenCluster {
  const { app, node, provision, connection, janitor, partBytes, promise, table, end } = parts;
  const { leaseMs = leaseMsDefault } = provision;
  const jetstream = new JetStream(connection, parts.jetstream);
  const purging = janitor && new JetStream(janitor, parts.jetstream);
  const apps = new NatsApps(jetstream, { ...provision, leaseMs });
  // A renewal that does not get through is tried again at the next: it must not outlast the lease.
  const brief = new JetStream(connection, { askMs: 1000, patienceMs: Math.min(leaseMs / 5, 3000) });
  const leases = new NatsLeases({ jetstream: brief, app, node, ttlMs: leaseMs });
  const bus = new NatsBus(connection);
  const inTurn = turns();
  let closed: Promise<void> | undefined;
  return {
    node,
    apps,
    leases,
    bus,
    storage: (partition) => {
      const shared = { jetstream, janitor: purging, app, partition, partBytes };
      const copies = new NatsCopies(shared);
      const made = () => madeOf(apps, app, partition);
      return natsStorage({
        ...{ ...shared, promise, copies, leases, made, inTurn },
        table: table(partition),
      });
    },
    source: ({ stream = "", subject }) => new NatsSource(jetstream, stream, subject),
    listen: (subject, told) => {
      return connection.subscribe(subject, (message) => told({ ...message, sequence: 0 }));
    },
    close: () => (closed ??= bus.close().then(end)),
  };
}

/** When the stream of a partition was made: only registration makes one. */
async function madeOf(apps: NatsApps, app: string, partition: number): Promise<string> {
  const { stream } = changelogNames(app, partition);
  const made = (await apps.made(app))?.[stream];
  if (made === undefined) throw halted(stream, "missing");
  return made;
}

/** One after the other, whatever became of the one before. */
function turns(): (work: () => Promise<void>) => Promise<void> {
  let last: Promise<void> = Promise.resolve();
  return (work) => {
    const done = last.then(work);
    last = done.catch(() => undefined);
    return done;
  };
}
