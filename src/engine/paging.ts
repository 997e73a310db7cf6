// Pages of lists that are merged from several partitions: how many rows, and the place in each where
// the next page goes on, as one text that callers hand back and cannot be trusted.
import { HoldfastError } from "../model/errors.ts";
import type { TimerRow } from "../model/row.ts";
import { base64urlOf, bytesOfBase64url, textOfUtf8, utf8 } from "../std/bytes.ts";

/** Lists answer so many at a time, unless asked for fewer. */
export const pageMax = 1000;
const pageDefault = 100;
export function limitOf(limit: number | undefined): number {
  if (limit === undefined) return pageDefault;
  if (Number.isInteger(limit) && limit >= 1 && limit <= pageMax) return limit;
  throw new HoldfastError("QUERY_INVALID", {
    happened: `The limit is no whole number from 1 to ${pageMax}.`,
  });
}

/** Per partition: where to go on, 0 for the beginning, null at the end. */
export function placesOf<At>(
  cursor: string | undefined,
  count: number,
  parse: (place: unknown) => At | undefined,
): (At | 0 | null)[] {
  if (cursor === undefined) return Array.from({ length: count }, () => 0 as const);
  const given = decoded(cursor);
  const places = (Array.isArray(given) ? given : []).map((place: unknown) =>
    place === 0 || place === null ? place : parse(place),
  );
  if (places.length === count && !places.includes(undefined)) return places as (At | 0 | null)[];
  throw new HoldfastError("QUERY_INVALID", {
    happened: "The cursor is not one that this list has answered.",
  });
}

function decoded(cursor: string): unknown {
  try {
    return JSON.parse(textOfUtf8(bytesOfBase64url(cursor)));
  } catch {
    return undefined;
  }
}

export function numberPlace(place: unknown): number | undefined {
  return typeof place === "number" ? place : undefined;
}

export function textsPlace(place: unknown, count: number): string[] | undefined {
  const fits = Array.isArray(place) && place.length === count;
  return fits && place.every((text) => typeof text === "string") ? place : undefined;
}

export function timerPlace(place: unknown): TimerRow | undefined {
  const { due, n, of } = (place ?? {}) as Partial<Record<keyof TimerRow, unknown>>;
  const fits = typeof due === "number" && typeof n === "number" && typeof of === "number";
  return fits ? { due, n, of } : undefined;
}

export function cursorOf(places: readonly unknown[]): string {
  return base64urlOf(utf8(JSON.stringify(places)));
}
