// Where a partition is: an app and a number. Apps share one cluster and call each other by service
// name; the number of an app's partitions is fixed when it is first registered.
import { HoldfastError } from "./errors.ts";
import { partitionsMax } from "./limits.ts";

export interface Place {
  readonly app: string;
  /** From 0. */
  readonly partition: number;
}

/** Lower-case letters, digits and dashes, 1 to 32 of them: it is part of names of other systems. */
const appPattern = /^[a-z][a-z0-9-]{0,31}$/;

/** @throws HoldfastError `NAME_INVALID`. */
export function checkApp(app: string): string {
  if (typeof app === "string" && appPattern.test(app)) return app;
  throw new HoldfastError("NAME_INVALID", {
    message:
      `The app name ${JSON.stringify(app)} is not usable. Use 1 to 32 lower-case letters, digits ` +
      "and dashes, beginning with a letter.",
    data: { app },
  });
}

/** `app/partition`. */
export function placeText({ app, partition }: Place): string {
  return `${app}/${partition}`;
}

/** The place a text names; it was written by `placeText`. */
export function placeOf(text: string): Place {
  const slash = text.indexOf("/");
  return { app: text.slice(0, slash), partition: Number(text.slice(slash + 1)) };
}

/** The partition, of so many, that rows with this partition key (16 hex digits) belong to (R19). */
export function partitionOfKey(partitionKey: string, partitions: number): number {
  const high = Number.parseInt(partitionKey.slice(0, 8), 16);
  return Math.floor((high * partitions) / 2 ** 32);
}

/** The same key moved into the range of one partition: for what has no key of its own. */
export function keyWithin(partitionKey: string, partition: number, partitions: number): string {
  if (partitions === 1) return partitionKey;
  const high = Number.parseInt(partitionKey.slice(0, 8), 16);
  const moved = Math.ceil((partition * 2 ** 32 + high) / partitions);
  const last = Math.ceil(((partition + 1) * 2 ** 32) / partitions) - 1;
  return Math.min(moved, last).toString(16).padStart(8, "0") + partitionKey.slice(8);
}

/** @throws HoldfastError `PARTITIONS_INVALID`. */
export function checkPartitions(partitions: number): number {
  if (Number.isInteger(partitions) && partitions >= 1 && partitions <= partitionsMax) {
    return partitions;
  }
  throw new HoldfastError("PARTITIONS_INVALID", { data: { partitions, limit: partitionsMax } });
}
