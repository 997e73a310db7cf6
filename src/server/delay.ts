// The delay of a send, from the query: ISO 8601, or friendly text with long names of units.
import { durationMs } from "../model/duration.ts";
import { isHoldfastError } from "../model/errors.ts";
import { badRequest } from "./refusal.ts";

/**
 * Milliseconds; undefined when the query names none.
 *
 * @throws HoldfastError `REQUEST_INVALID`, in Restate's words.
 */
export function delayOf(url: string, send: boolean): number | undefined {
  const query = url.indexOf("?");
  if (query < 0) return undefined;
  let text: string | undefined;
  for (const [name, value] of new URLSearchParams(url.slice(query + 1))) {
    if (name.toLowerCase() === "delay") text = value;
  }
  if (text === undefined) return undefined;
  const ms = parsed(text);
  if (send) return ms;
  throw badRequest(
    "cannot use the delay query parameter with calls. The delay is supported only with sends",
  );
}

function parsed(text: string): number {
  try {
    return durationMs(/^p/i.test(text) ? text.toUpperCase() : friendly(text));
  } catch (error) {
    if (!isHoldfastError(error, "DURATION_INVALID")) throw error;
    const why = error.message;
    throw badRequest(`bad delay query parameter, must be a ISO8601 duration: ${why}`);
  }
}

/** `60 sec` → `60s`. */
function friendly(text: string): string {
  if (text.length > 128) return text;
  return text
    .trim()
    .toLowerCase()
    .replace(/(\d)\s*([a-z]+),?/g, (all, digit: string, unit: string) => {
      const short = units.find(([names]) => names.includes(unit))?.[1];
      return short === undefined ? all : `${digit}${short}`;
    })
    .replace(/\s+(?=\d)/g, "");
}

const units: readonly (readonly [readonly string[], string])[] = [
  [["d", "day", "days"], "d"],
  [["h", "hr", "hrs", "hour", "hours"], "h"],
  [["m", "min", "mins", "minute", "minutes"], "m"],
  [["s", "sec", "secs", "second", "seconds"], "s"],
  [["ms", "msec", "msecs", "millis", "millisecond", "milliseconds"], "ms"],
];
