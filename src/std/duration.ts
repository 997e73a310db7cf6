// "90s", "1h30m", "PT15M", { minutes: 15 } and numbers become milliseconds, and milliseconds become
// text again. Nothing is guessed: what is not plainly a duration within the bound is refused.
// Months and years are refused too, as their length depends on a calendar.

/** Refuses with what was given and what is accepted. */
export class DurationError extends RangeError {
  override readonly name = "DurationError";
  readonly code = "DURATION_INVALID";
}

const unitMs = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 } as const;
const partMs: ReadonlyMap<string, number> = new Map([
  ["days", unitMs.d],
  ["hours", unitMs.h],
  ["minutes", unitMs.m],
  ["seconds", unitMs.s],
  ["milliseconds", unitMs.ms],
]);

/** A year of 365 days: far beyond any wait that is not a mistake of unit. */
export const durationMsMax: number = 365 * unitMs.d;

/**
 * Milliseconds, rounded to whole ones, from 0 to `msMax`.
 *
 * @throws DurationError `DURATION_INVALID`.
 */
export function parseDuration(input: unknown, msMax: number = durationMsMax): number {
  const ms = Math.round(millisecondsOf(input));
  if (!(ms >= 0)) throw refused(input, "it is negative");
  if (ms > msMax) throw refused(input, `it is longer than ${formatDuration(msMax)}`);
  return ms + 0; // -0 becomes 0
}

/** Text that `parseDuration` reads back: 900000 becomes "15m", 90500 "1m30s500ms". */
export function formatDuration(ms: number): string {
  let rest = Math.round(Math.abs(ms));
  if (!Number.isFinite(rest)) return String(ms);
  if (rest === 0) return "0ms";
  let text = ms < 0 ? "-" : "";
  for (const [unit, size] of Object.entries(unitMs)) {
    const count = Math.floor(rest / size);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * size;
  }
  return text;
}

function millisecondsOf(input: unknown): number {
  switch (typeof input) {
    case "number":
      if (Number.isNaN(input)) throw refused(input, "it is not a number");
      return input;
    case "string":
      return input.startsWith("P") ? millisecondsOfIso(input) : millisecondsOfText(input);
    case "object":
      return millisecondsOfObject(input);
    default:
      throw refused(input, `it is of type ${typeof input}`);
  }
}

const amount = String.raw`(\d{1,15}(?:[.,]\d{1,15})?)`;
const isoPattern = new RegExp(
  `^P(?:${amount}W)?(?:${amount}D)?(?:T(?:${amount}H)?(?:${amount}M)?(?:${amount}S)?)?$`,
);

function millisecondsOfIso(text: string): number {
  const found = isoPattern.exec(text);
  if (found === null || !/\d[A-Z]$/.test(text)) {
    const calendar = /^P[^T]*[YM]/.test(text);
    throw refused(text, calendar ? "years and months differ in length" : "it is not ISO 8601");
  }
  const sizes = [7 * unitMs.d, unitMs.d, unitMs.h, unitMs.m, unitMs.s];
  return sizes.reduce((sum, size, index) => {
    return sum + Number((found[index + 1] ?? "0").replace(",", ".")) * size;
  }, 0);
}

const textPattern = /^(?:\s*\d{1,15}(?:\.\d{1,15})?(?:e[+-]?\d{1,3})?(?:ms|s|m|h|d))+\s*$/;
const partPattern = /([\d.]+(?:e[+-]?\d+)?)(ms|s|m|h|d)/g;

function millisecondsOfText(text: string): number {
  if (!textPattern.test(text)) throw refused(text, "it is not a number with a unit");
  let sum = 0;
  let before = Number.POSITIVE_INFINITY;
  for (const [, count, unit] of text.matchAll(partPattern)) {
    const size = unitMs[unit as keyof typeof unitMs];
    // "30m1h" and "5m5m" are slips more often than durations.
    if (size >= before) throw refused(text, "its units do not go from large to small");
    before = size;
    sum += Number(count) * size;
  }
  return sum;
}

function millisecondsOfObject(input: object | null): number {
  if (input === null) throw refused(input, "it is null");
  const { total } = input as { readonly total?: unknown };
  if (typeof total === "function") return totalOf(input as WithTotal);
  const parts = Object.entries(input);
  if (parts.length === 0) throw refused(input, "it names no unit");
  let sum = 0;
  for (const [name, value] of parts) {
    const size = partMs.get(name);
    if (size === undefined) throw refused(input, `"${name}" is not a unit`);
    if (value === undefined) continue;
    if (typeof value !== "number" || Number.isNaN(value)) {
      throw refused(input, `its "${name}" is not a number`);
    }
    sum += value * size;
  }
  return sum;
}

/** A Temporal.Duration, or what looks like one; it refuses calendar units by itself. */
interface WithTotal {
  total(unit: "milliseconds"): unknown;
}

function totalOf(input: WithTotal): number {
  try {
    const ms = input.total("milliseconds");
    if (typeof ms === "number" && !Number.isNaN(ms)) return ms;
  } catch (error) {
    throw refused(input, error instanceof Error ? error.message : "its total() throws");
  }
  throw refused(input, "its total() gives no number");
}

function refused(input: unknown, why: string): DurationError {
  return new DurationError(
    `${shown(input)} is not a duration: ${why}. Give milliseconds, text ` +
      `such as "90s", "15m", "1h30m", "7d" or "PT15M", or an object such as { minutes: 15 }.`,
  );
}

function shown(input: unknown): string {
  if (typeof input === "string") return JSON.stringify(input.slice(0, 64));
  if (typeof input !== "object" || input === null) return String(input);
  try {
    return JSON.stringify(input).slice(0, 64);
  } catch {
    return "an object";
  }
}
