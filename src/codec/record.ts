// A batch's records ⇄ bytes. One line of JSON per record behind a line that says the format: what
// a changelog holds can be read with any tool. Written by the version that speaks it; every released
// version stays readable (golden bytes).
import type { Change, LogRecord } from "../model/change.ts";
import { HoldfastError } from "../model/errors.ts";
import { textOfUtf8, utf8 } from "../std/bytes.ts";
import { decodeChange, encodeChange } from "./change.ts";

/** The format written. A reader that finds a greater one refuses (R20). */
export const recordFormat = 1;

/** One record as its line, without the line's end: its time, then its changes. */
export function recordLine(time: number, changes: readonly Change[]): string {
  const [first, second] = changes;
  // Arrays of the right length from the start: nearly all records hold one change or two.
  if (changes.length === 1) return JSON.stringify([time, encodeChange(first as Change)]);
  if (changes.length === 2) {
    return JSON.stringify([time, encodeChange(first as Change), encodeChange(second as Change)]);
  }
  return JSON.stringify([time, ...changes.map(encodeChange)]);
}

/** The bytes of a batch from its records' lines. */
export function batchBytes(lines: readonly string[]): Uint8Array {
  return utf8(`${recordFormat}\n${lines.join("\n")}`);
}

/** The records of a batch, in order. */
export function recordsOf(bytes: Uint8Array, first: number): LogRecord[] {
  const lines = textOf(bytes, first).split("\n");
  if (lines[0] !== String(recordFormat)) {
    throw new HoldfastError("RECORD_UNREADABLE", {
      message:
        `The batch at position ${first} has format ${lines[0]?.slice(0, 20)}; this version reads ` +
        `${recordFormat}. Open the directory with the version that wrote it.`,
      data: { position: first, format: lines[0]?.slice(0, 20) },
    });
  }
  const records: LogRecord[] = [];
  for (let i = 1; i < lines.length; i++) records.push(parse(lines[i] as string, first + i - 1));
  return records;
}

function textOf(bytes: Uint8Array, position: number): string {
  try {
    return textOfUtf8(bytes);
  } catch (cause) {
    throw new HoldfastError("RECORD_UNREADABLE", { data: { position }, cause });
  }
}

function parse(line: string, position: number): LogRecord {
  try {
    const encoded: unknown = JSON.parse(line);
    if (!Array.isArray(encoded)) throw new TypeError("it is not an array");
    const time: unknown = encoded[0];
    if (typeof time !== "number") throw new TypeError("it does not begin with a time");
    const changes: Change[] = [];
    for (let i = 1; i < encoded.length; i++) changes.push(decodeChange(encoded[i], time));
    return { time, changes };
  } catch (cause) {
    throw new HoldfastError("RECORD_UNREADABLE", { data: { position }, cause });
  }
}
