// What kind of world a seed has: which faults there are, how the engine is set up, what programs do.
// Each seed has a few of everything rather than a little of all: rare combinations are common that way.
import type { PartitionOptions } from "../src/engine/partition-world.ts";
import { type Step, stepKinds } from "./step.ts";
import type { World } from "./world.ts";

export interface Profile {
  readonly options: Partial<PartitionOptions>;
  readonly segmentBytes: number;
  readonly verify: boolean;
  readonly inPlace: boolean;
  /** Each byte of changelog counts as so many where it is asked whether a copy is due. */
  readonly bytesScale: number;
  readonly faults: ReadonlySet<FaultKind>;
  /** How often something goes wrong, on average, in milliseconds. */
  readonly faultEveryMs: number;
  readonly faultsMax: number;
  readonly clients: number;
  readonly requestsPerClient: number;
  readonly thinkMs: number;
  readonly steps: readonly Step["kind"][];
  readonly keys: number;
  readonly syncMs: number;
  readonly shortWrites: number;
}

export const faultKinds = [
  "kill",
  "power cut",
  "close",
  "io error",
  "sync error",
  "disk full",
  "slow sync",
  "stall",
  "clock jump",
  "other code",
  "table lost",
  "copy damaged",
  "table locked",
  "die at sync",
] as const;
export type FaultKind = (typeof faultKinds)[number];

export function profileOf(world: World): Profile {
  const faults = faultKinds.filter(() => world.chance(0.5));
  if (world.chance(0.8) || faults.length === 0) faults.push(world.pick(["kill", "power cut"]));
  const steps = stepKinds.filter(() => world.chance(0.6));
  if (steps.length < 3) steps.push("run", "sleep", "call");
  return {
    options: optionsOf(world),
    segmentBytes: world.pick([2048, 4096, 16_384, 65_536]),
    verify: world.chance(0.3),
    inPlace: world.chance(0.3),
    bytesScale: world.pick([1, 1, 2 ** 12, 2 ** 14]),
    faults: new Set(faults),
    faultEveryMs: world.pick([40, 150, 600, 3000]),
    faultsMax: 3 + world.random.integer(8),
    clients: 2 + world.random.integer(4),
    requestsPerClient: 3 + world.random.integer(10),
    thinkMs: world.pick([1, 10, 60, 300]),
    steps,
    keys: world.pick([1, 2, 4]),
    syncMs: world.pick([0.3, 2, 2, 20]),
    shortWrites: world.chance(0.15) ? 0.2 : 0,
  };
}

/** What an engine may do at any time, it does in some worlds always. */
function optionsOf(world: World): Partial<PartitionOptions> {
  const sometimes = (options: Partial<PartitionOptions>): Partial<PartitionOptions> =>
    world.chance(0.25) ? options : {};
  return {
    suspendAfterMs: world.pick([50, 500, 10_000]),
    ...sometimes({ suspendAfterMs: 0, idleMax: 0 }),
    ...sometimes({ keepRows: 0 }),
    ...sometimes({ batchRecordsMax: 1 }),
    ...sometimes({ timerPageMax: 1, timerHorizonMs: 0 }),
    ...sometimes({ activeMax: 1 + world.random.integer(3) }),
    ...sometimes({ idleMax: 2 }),
  };
}
