// Asking the leader of a partition, on this node or another, in this app or another. Requests and
// replies are bytes; who answers twice to one request, or late, is the caller's to tell apart: each
// request carries an id of its own (R26).
import type { Place } from "../model/place.ts";

export interface Served {
  /** From now on requests for the place reach nobody here. */
  stop(): void;
}

export interface Bus {
  /** Answers the requests for a place until stopped. What `answer` rejects with is not sent. */
  serve(place: Place, answer: (request: Uint8Array) => Promise<Uint8Array>): Served;
  /**
   * Sends up to `busMessageBytesMax` bytes, and resolves with the answer.
   *
   * @throws HoldfastError `LEADER_UNREACHABLE` when nobody served the place, so that this attempt
   * reached nobody; `REQUEST_UNANSWERED` when no answer came in time: its outcome is unknown.
   */
  request(place: Place, request: Uint8Array, options: { timeoutMs: number }): Promise<Uint8Array>;
  close(): Promise<void>;
}
