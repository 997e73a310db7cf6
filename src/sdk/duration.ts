// Durations from text that is not in the code: an environment variable, a setting.
import { durationMs } from "../model/duration.ts";
import type { Duration } from "./types.ts";

/**
 * A duration from text that the compiler cannot check, such as "90s", "1h30m" or "PT5M".
 *
 * @throws HoldfastError `DURATION_INVALID`.
 * @example
 * const expiry = duration(process.env["EXPIRY"] ?? "15m");
 */
export function duration(text: string): Duration {
  return durationMs(text);
}
