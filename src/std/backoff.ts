// How long to wait before trying again: exponential, capped, spread by jitter. It keeps no state
// and draws no randomness: the same attempt and the same draw give the same delay.

export interface Backoff {
  /** Delay before the second try, in milliseconds, before jitter. */
  readonly firstMs: number;
  /** Growth per attempt. Default 2. */
  readonly factor?: number | undefined;
  readonly maxMs: number;
  /** The share of the delay that jitter may take away, 0 to 1. Default 0.5. */
  readonly jitter?: number | undefined;
}

/**
 * Whole milliseconds to wait after attempt `attempt` (from 1) has failed. `random` is a draw from
 * [0, 1). Jitter only shortens, so that `maxMs` is a promise.
 */
export function backoffMs(attempt: number, backoff: Backoff, random: number): number {
  const { firstMs, factor = 2, maxMs, jitter = 0.5 } = backoff;
  if (firstMs <= 0) return 0; // 0 × Infinity is not a number
  const full = Math.min(maxMs, firstMs * factor ** (attempt - 1));
  return Math.round(full * (1 - jitter * random));
}
