// Which logic an invocation follows where its code has changed: decided where it first comes there,
// kept in its journal, and the same ever after. An invocation that passed there under code without
// the change follows the logic from before it, which is version 0.
import { HoldfastError } from "../model/errors.ts";
import type { RunningAttempt } from "./attempt-host.ts";
import { stopSignal } from "./outcome.ts";

/** The versions an attempt has met, by the name of their change. */
export type Versions = Map<string, number>;

export function versionOf(
  attempt: RunningAttempt,
  versions: Versions,
  change: string,
  latest: number,
  oldest: number,
): number {
  if (!isVersion(latest) || !isVersion(oldest) || oldest > latest) {
    throw new TypeError(
      `ctx.version("${change}", ${latest}, ${oldest}): give whole numbers from 0, the latest first.`,
    );
  }
  const version = versions.get(change) ?? asked(attempt, change, latest);
  versions.set(change, version);
  if (version >= oldest && version <= latest) return version;
  const data = { change, version, oldest, latest };
  attempt.fail(new HoldfastError("VERSION_UNSUPPORTED", { data }), true);
  throw stopSignal;
}

/** Decided now, or read from the journal; one that went on without it is from before it. */
function asked(attempt: RunningAttempt, name: string, latest: number): number {
  attempt.checkUse();
  const held = attempt.machine.commandAt(attempt.nextIndex)?.command;
  const here = held?.kind === "version" && held.name === name;
  if (held !== undefined && !here) return 0;
  const version = here ? held.version : latest;
  attempt.ask({ kind: "version", name, version }, () => {});
  return version;
}

function isVersion(version: unknown): boolean {
  return Number.isInteger(version) && (version as number) >= 0;
}
