// `holdfast cluster`: the apps on one NATS, their partitions, and what the leader of each says.
import type { ClusterView } from "../../engine/partition-server.ts";
import { Engine } from "../../open.ts";
import { clusterOf } from "../cluster-of.ts";
import type { Invoked } from "../command.ts";
import { exit, UsageError } from "../exit.ts";

export async function run({ configured, out }: Invoked): Promise<number> {
  const cluster = clusterOf({ ...configured.values, app: "" }, "client");
  if (cluster === undefined) throw new UsageError("Name the servers: --nats nats://127.0.0.1:4222");
  const engine = await Engine.open({ services: [], cluster });
  try {
    const view = await engine.cluster();
    out.rows(rowsOf(view), columns, view);
    const lines = view.apps.flatMap(({ app, partitions }) =>
      partitions.flatMap((status) =>
        status === undefined ? [] : [`${app}: ${status.durability}`],
      ),
    );
    for (const line of new Set(lines)) out.say(line);
    for (const line of subscriptionLines(view)) out.say(line);
    const missing = view.apps.some(({ partitions }) => partitions.includes(undefined));
    return missing ? exit.failed : exit.done;
  } finally {
    await engine.close();
  }
}

type App = ClusterView["apps"][number];

/** Of each subscription: how far the partition behind all others has read, and what stands still. */
function* subscriptionLines({ apps }: ClusterView): Generator<string> {
  for (const { app, partitions } of apps) {
    const all = partitions.flatMap((status) => status?.subscriptions ?? []);
    for (const name of new Set(all.map((one) => one.name))) {
      const own = all.filter((one) => one.name === name);
      const read = Math.min(...own.map(({ position }) => position));
      const last = Math.max(...own.map((one) => one.last));
      const parked = own.reduce((sum, one) => sum + one.parked, 0);
      const stopped = [...new Set(own.flatMap((one) => one.stopped ?? []))].join(", ");
      const stands = stopped === "" ? "" : `, stands still: ${stopped}`;
      yield `${app}: subscription ${name} has read ${own[0]?.stream ?? "its subject"} to ${read} of ${last}, ${parked} parked${stands}`;
    }
  }
}

interface Row {
  readonly app: App;
  readonly partition: number;
}

const of = ({ app, partition }: Row): App["partitions"][number] => app.partitions[partition];

const columns = [
  { title: "app", of: ({ app }: Row) => app.app },
  { title: "partition", of: ({ partition }: Row) => partition },
  {
    title: "leader",
    of: (row: Row) => of(row)?.node ?? "none",
    colour: (row: Row) => (of(row) === undefined ? ("red" as const) : undefined),
  },
  { title: "epoch", of: (row: Row) => of(row)?.epoch },
  { title: "position", of: (row: Row) => of(row)?.position },
  { title: "lag", of: (row: Row) => lagOf(of(row)) },
];

/** Records that the leader's table is behind. */
function lagOf(status: App["partitions"][number]): number | undefined {
  return status && status.position - status.folded;
}

function rowsOf({ apps }: ClusterView): Row[] {
  return apps.flatMap((app) => app.partitions.map((_, partition) => ({ app, partition })));
}
