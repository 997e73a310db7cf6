// How many faults the tests on real servers inject. `make test` a few, `make test-nats` with
// NATS_FAULTS=small the size of a change, NATS_FAULTS=full the size of a night.
import { appendFileSync } from "node:fs";

export function faultsAsked({
  small,
  full,
}: {
  readonly small: number;
  readonly full: number;
}): number {
  switch (process.env["NATS_FAULTS"]) {
    case "full":
      return full;
    case "small":
      return small;
    default:
      return Math.min(small, 3);
  }
}

/** Whether what takes a minute and more is run. */
export const longFaults: boolean = process.env["NATS_FAULTS"] !== undefined;

/** One line of JSON in the file that NATS_REPORT names: what was counted, for whoever wants it. */
export function reportFaults(counts: Readonly<Record<string, string | number | undefined>>): void {
  const path = process.env["NATS_REPORT"];
  if (path !== undefined) appendFileSync(path, `${JSON.stringify(counts)}\n`);
}
