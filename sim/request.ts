// What clients have asked, and what they were told: kept for the oracles.
import type { Door } from "./step.ts";
import type { Input } from "./targets.ts";

/** One program asked for under one name, as often as it takes. */
export interface Request {
  readonly op: string;
  readonly door: Door;
  readonly key: string;
  readonly input: Input;
  readonly delay: number;
  asked: number;
  accepted: boolean;
  id: string | undefined;
  answer: string | undefined;
  /** Somebody has asked to end, forget, restart or hold it: it may answer anything, or nothing. */
  disturbed: boolean;
  forgotten: boolean;
  /** It may have sent and appended more than once. */
  restarted: boolean;
}

export interface ListOp {
  readonly op: string;
  readonly key: string;
  readonly append: boolean;
  /** Values any client had seen of this list when it was asked. */
  readonly atLeast: number;
  readonly seen: readonly string[];
}
