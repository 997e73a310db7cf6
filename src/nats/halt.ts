// Why a partition stops for good: its changelog is not what it was (I12). The reason is one of a few
// words that docs/cluster.md explains, each with what to do.
import { HoldfastError, isHoldfastError } from "../model/errors.ts";

export type HaltReason =
  /** The stream is gone. */
  | "missing"
  /** A stream of the same name has been made anew. */
  | "recreated"
  /** It ends before what is known to have been acknowledged. */
  | "rolled-back"
  /** Messages are missing in the midst of it, or a message does not follow the one before. */
  | "hole"
  /** It begins behind what any table or copy holds. */
  | "trimmed-ahead"
  /** A message is not what was written, or cannot be read. */
  | "damaged"
  /** It has another history than a table, a copy or a mark that remembers it. */
  | "diverged"
  /** Reading does not come to an end. */
  | "stalled"
  /** It was written by a newer version, or not by Holdfast at all. */
  | "foreign";

const words: Readonly<Record<HaltReason, string>> = {
  missing: "the stream is gone",
  recreated: "the stream was deleted and made anew",
  "rolled-back": "it ends before what was acknowledged",
  hole: "messages are missing in it",
  "trimmed-ahead": "it begins behind what any table or copy still holds",
  damaged: "a message in it is not what was written",
  diverged: "its history is another one than what remembers it",
  stalled: "reading it does not get on",
  foreign: "it holds what this version did not write",
};

export const haltReasons: readonly string[] = Object.keys(words);

export function halted(
  stream: string,
  reason: HaltReason,
  data: Readonly<Record<string, unknown>> = {},
): HoldfastError {
  return new HoldfastError("PARTITION_HALTED", {
    happened: `The changelog in stream ${stream} is not what it was: ${words[reason]}.`,
    data: { stream, reason, ...data },
  });
}

export function isHalted(error: unknown, reason: HaltReason): boolean {
  if (!isHoldfastError(error, "PARTITION_HALTED")) return false;
  return (error.data as { readonly reason?: unknown }).reason === reason;
}

export function fenced(
  stream: string,
  data: Readonly<Record<string, unknown>> = {},
): HoldfastError {
  return new HoldfastError("PARTITION_FENCED", { data: { stream, ...data } });
}
