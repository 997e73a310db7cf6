// What a partition is opened with: its storage, the clock, the code hosted here, and who is told.
import { placeOf } from "../model/place.ts";
import type { Clock } from "../ports/clock.ts";
import type { OpenStorage } from "../ports/storage.ts";
import type { Telemetry } from "../ports/telemetry.ts";
import type { Attempt } from "../sdk/attempt.ts";
import type { Report } from "./events.ts";
import type { InvokerOptions } from "./invoker.ts";
import type { Registry } from "./registry.ts";
import type { Surroundings } from "./relay.ts";

export interface PartitionOptions extends InvokerOptions {
  readonly keepRows: number;
  readonly timerHorizonMs: number;
  readonly timerPageMax: number;
  readonly batchRecordsMax: number;
  /** Completed invocations kept by number. */
  readonly keepNewest: number;
}

export interface PartitionWorld {
  readonly storage: OpenStorage;
  readonly clock: Clock;
  readonly registry: Registry;
  readonly options: PartitionOptions;
  readonly durability: string;
  mint(): string;
  random(): number;
  attribute<T>(owner: Attempt, body: boolean, code: () => T): T;
  insideBody(): boolean;
  report: Report;
  onFatal(error: unknown): void;
  /** Undefined where nobody listens. */
  readonly telemetry?: Telemetry | undefined;
  /** Where there are other partitions: how they are found and reached, and where this one is. */
  readonly cluster?: Surroundings | undefined;
}

/** The partition's number: 0 where there is no other. */
export function numberOf({ cluster }: PartitionWorld): number {
  return cluster === undefined ? 0 : placeOf(cluster.home.place).partition;
}
