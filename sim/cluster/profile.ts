// What kind of cluster a seed has: how many nodes and apps, how NATS behaves on a good day, what goes
// wrong, and what is wrong for good.
import { type Profile, profileOf } from "../profile.ts";
import type { World } from "../world.ts";

/** What nodes and their connections go through. */
export const nodeFaults = [
  "kill",
  "power off",
  "freeze",
  "close",
  "join",
  "other code",
  "table lost",
  "cut",
  "black hole",
  "slow link",
  "clock jump",
] as const;

/** What NATS goes through. */
export const natsFaults = [
  "leader change",
  "acknowledgements lost",
  "duplicates",
  "slow server",
  "stale reads",
  "stream full",
  "copy damaged",
  "nats away",
] as const;

/** What no engine may go on over. */
export const losses = [
  "rollback",
  "hole",
  "stream deleted",
  "stream recreated",
  "purged ahead",
  "read stalls",
] as const;

export type ClusterFault = (typeof nodeFaults)[number] | (typeof natsFaults)[number];
export type LossKind = (typeof losses)[number];

export interface AppPlan {
  readonly app: string;
  readonly partitions: number;
  readonly nodes: number;
  readonly services: readonly string[];
}

export interface ClusterProfile
  extends Pick<
    Profile,
    | "options"
    | "inPlace"
    | "bytesScale"
    | "faultEveryMs"
    | "faultsMax"
    | "clients"
    | "requestsPerClient"
    | "thinkMs"
    | "steps"
    | "keys"
  > {
  readonly version: string;
  readonly replicas: number;
  readonly apps: readonly AppPlan[];
  /** A node that hosts nothing. */
  readonly client: boolean;
  /** Bytes of one message of a changelog: small ones cut nearly every batch. */
  readonly partBytes: number;
  readonly leaseMs: number;
  readonly askMs: number;
  /** How far the clocks of two nodes may be apart. */
  readonly skewMs: number;
  readonly faultKinds: readonly ClusterFault[];
  readonly loss: LossKind | undefined;
}

export function clusterProfileOf(world: World): ClusterProfile {
  const plain = profileOf(world);
  const kinds = [...nodeFaults, ...natsFaults].filter(() => world.chance(0.4));
  kinds.push(world.pick(nodeFaults), world.pick(natsFaults));
  return {
    ...plain,
    requestsPerClient: 4 + world.random.integer(20),
    thinkMs: world.pick([10, 100, 1000, 4000]),
    faultEveryMs: world.pick([100, 1000, 4000, 12_000]),
    faultsMax: 3 + world.random.integer(12),
    version: world.pick(["2.9.10", "2.10.27", "2.15.1"]),
    replicas: world.pick([1, 3, 3]),
    apps: appsOf(world),
    client: world.chance(0.2),
    partBytes: world.pick([512 * 1024, 512 * 1024, 1000, 150]),
    leaseMs: world.pick([15_000, 15_000, 6000]),
    askMs: world.pick([2000, 2000, 500]),
    skewMs: world.pick([0, 5, 2000]),
    faultKinds: [...new Set(kinds)],
    loss: world.chance(0.2) ? world.pick([...losses, "rollback", "rollback"]) : undefined,
  };
}

function appsOf(world: World): AppPlan[] {
  const plan = (app: string, services: readonly string[]): AppPlan => ({
    app,
    services,
    partitions: world.pick([1, 2, 2, 3]),
    nodes: world.pick([1, 2, 2, 3]),
  });
  const programs = ["Plain", "Keyed", "Flow", "Edited"];
  const others = ["List", "Sink"];
  if (world.chance(0.5)) return [plan("shop", [...programs, ...others])];
  return [plan("shop", programs), plan("depot", others)];
}
