// Which server versions are fit for what, and what an answer is worth on them, said out loud. The
// policy is by version alone: trying a feature out proves nothing, since old servers ignore what
// they do not know.
import { HoldfastError } from "../model/errors.ts";

export interface Wanted {
  readonly replicas: number;
  /** Refuse what may lose acknowledged work in a power cut. */
  readonly durability: "strict" | "standard";
  /** What the operator says the servers' `sync_interval` is; no client can see it. */
  readonly sync: "always" | "interval";
}

/** Plain JetStream as we use it. */
const oldest = [2, 9, 10];
/** Several replicas: conditions are checked where they must be. */
const oldestReplicated = [2, 9, 21];
/** `sync_interval: always` covers the raft log, and a killed server loses no stream. */
const oldestStrict = [2, 10, 23];
/** Authorisation as mended in 2026. */
const recommended = [2, 12, 7];

/** Whether this version is at least that one. */
export function isAtLeast(version: string, floor: readonly number[]): boolean {
  const parts = version.split(/[.-]/).map(Number);
  for (const [at, least] of floor.entries()) {
    const part = parts[at] ?? Number.NaN;
    // What is no version is no good one.
    if (Number.isNaN(part)) return false;
    if (part !== least) return part > least;
  }
  return true;
}

/** @throws HoldfastError `NATS_UNSUITABLE`. */
export function checkServer(version: string, wanted: Wanted): void {
  const { replicas, durability, sync } = wanted;
  const strict = durability === "strict";
  const floor =
    strict || sync === "always" ? oldestStrict : replicas > 1 ? oldestReplicated : oldest;
  if (!isAtLeast(version, floor)) {
    throw unsuitable(
      `NATS server ${version} is not fit for ${replicas} replica(s)${strict ? ", strict" : ""}.`,
      `Upgrade the servers to ${floor.join(".")} at least; ${recommended.join(".")} is recommended.`,
      { version, floor: floor.join(".") },
    );
  }
  if (!strict) return;
  if (replicas < 3) {
    throw unsuitable(
      `durability: "strict" wants 3 replicas, and ${replicas} is asked for.`,
      'Run three servers and pass replicas: 3, or do without durability: "strict".',
      { replicas },
    );
  }
  if (sync !== "always") {
    throw unsuitable(
      'durability: "strict" wants servers that synchronise each write.',
      'Set sync_interval: always in each server\'s jetstream block and pass sync: "always".',
      { sync },
    );
  }
}

function unsuitable(happened: string, fix: string, data: object): HoldfastError {
  return new HoldfastError("NATS_UNSUITABLE", { happened, fix, data });
}

/** One honest line: what an answer has reached when it is given, and what that leaves open. */
export function durabilityLine(version: string, { replicas, sync }: Wanted): string {
  const where = `NATS ${version}, ${replicas === 1 ? "1 replica" : `${replicas} replicas`}`;
  const kept = replicas === 1 ? "the server's" : "a majority's";
  const written = `each answer waits for ${kept} operating system`;
  const cut =
    sync === "always"
      ? `each answer waits for ${kept} disk`
      : `${written}; a power cut of ${replicas === 1 ? "it" : "all of them"} may lose ` +
        "what came since their last sync (2 minutes, unless sync_interval says otherwise)";
  const newer = isAtLeast(version, recommended)
    ? ""
    : `; ${recommended.join(".")} or later is recommended`;
  return `${where}: ${cut}${newer}`;
}
