// How many faults the tests on real servers inject. `make test` a few, `make test-nats` with
// NATS_FAULTS=small the size of a change, NATS_FAULTS=full the size of a night; or a number.
import { appendFileSync } from "node:fs";

export function faultsAsked({
  small,
  full,
}: {
  readonly small: number;
  readonly full: number;
}): number {
  const asked = process.env["NATS_FAULTS"];
  if (asked === undefined) return Math.min(small, 3);
  if (asked === "small") return small;
  return asked === "full" ? full : Number(asked);
}

/** Whether what takes a minute and more is run. */
export const longFaults: boolean = process.env["NATS_FAULTS"] !== undefined;

/** One line of JSON in the file that NATS_REPORT names: what was counted, for whoever wants it. */
export function reportFaults(counts: Readonly<Record<string, string | number | undefined>>): void {
  const path = process.env["NATS_REPORT"];
  if (path !== undefined) appendFileSync(path, `${JSON.stringify(counts)}\n`);
}
