// `holdfast migrate`: a data directory into a cluster, or back.
import { type MigrateReport, migrateToCluster, migrateToDirectory } from "../../migrate.ts";
import { clusterOf } from "../cluster-of.ts";
import type { Invoked } from "../command.ts";
import { exit, UsageError } from "../exit.ts";

const ways = { "to-cluster": migrateToCluster, "to-directory": migrateToDirectory } as const;

export async function run({ args, configured, out }: Invoked): Promise<number> {
  const [way = "", given] = args;
  if (!Object.hasOwn(ways, way)) {
    throw new UsageError(`"${way}" is no way to move: say to-cluster or to-directory.`);
  }
  const { data, allowRemoteData: allowRemote } = configured.values;
  const directory = given ?? data;
  const cluster = clusterOf(configured.values);
  if (cluster === undefined) throw new UsageError("Name the cluster: --nats nats://… --app shop");
  const report = await ways[way as keyof typeof ways]({ directory, cluster, allowRemote });
  if (out.json) out.value(report);
  else {
    out.rows(rowsOf(report), [
      { title: "what", of: ([what]) => what },
      { title: "count", of: ([, { count }]) => count },
      { title: "sum of SHA-256", of: ([, { sum }]) => sum },
    ]);
    out.say(
      `Moved from ${report.from} to ${report.to}: read back, and the same on both sides. ` +
        "What it was moved from is marked, and refuses to open.",
    );
  }
  return exit.done;
}

function rowsOf({ content }: MigrateReport): [string, MigrateReport["content"]["keys"]][] {
  return Object.entries(content);
}
