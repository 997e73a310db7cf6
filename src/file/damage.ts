// How a changelog that cannot be trusted is refused: which file, where in it, which records, and
// the command that saves what is left. Nothing here decides that something is damaged.

import { HoldfastError } from "../model/errors.ts";

export interface DamageReport {
  /** The data directory, for the command. */
  readonly directory: string;
  readonly file: string;
  readonly offset: number;
  readonly what: string;
  /** First and last record concerned, where known. */
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  readonly cause?: unknown;
}

export function damaged(report: DamageReport): HoldfastError {
  const { directory, file, offset, what, from, to } = report;
  return new HoldfastError("CHANGELOG_DAMAGED", {
    happened: `${file} is damaged at offset ${offset}: ${what}${rangeText(from, to)}.`,
    fix:
      `Nothing was changed. Restore a backup, or run \`holdfast salvage ${directory}\` to see ` +
      `what is left and to keep it.`,
    data: { file, offset, what, from, to, directory, command: `holdfast salvage ${directory}` },
    cause: report.cause,
  });
}

function rangeText(from: number | undefined, to: number | undefined): string {
  if (from === undefined) return "";
  if (to === undefined || to < from) return ` (from record ${from} on)`;
  return from === to ? ` (record ${from})` : ` (records ${from} to ${to})`;
}
