// Messages for other partitions that wait until they are accepted, and how far each way has come.
// Messages of one destination are numbered densely and leave from the front, so that which of them
// are there follows from the line: those after `accepted` up to `sent`. Hot over cold (R14).
import type { LineRow, Message, MessageRow } from "../../model/message.ts";
import type { ColdRead } from "../../ports/cold-table.ts";
import { invariant } from "../../std/assert.ts";

export class Outbox {
  readonly #cold: ColdRead;
  /** All lines: there is one per partition talked to, and they stay in memory. */
  readonly #lines = new Map<string, LineRow>();
  /** Messages not yet folded, by destination and number. */
  readonly #hot = new Map<string, Map<number, MessageRow>>();

  constructor(cold: ColdRead) {
    this.#cold = cold;
    for (const line of cold.lines()) this.#lines.set(line.name, line);
  }

  /** The way to a destination. */
  to(place: string): LineRow {
    return this.#line(`>${place}`);
  }

  /** The way from a producer. */
  from(producer: string): LineRow {
    return this.#line(`<${producer}`);
  }

  #line(name: string): LineRow {
    return this.#lines.get(name) ?? { name, at: 0, sent: 0, accepted: 0 };
  }

  /** Destinations with messages that were not accepted yet. */
  waiting(): LineRow[] {
    return [...this.#lines.values()].filter(({ sent, accepted }) => sent > accepted);
  }

  post(to: string, seq: number, message: Message, position: number): void {
    const line = this.to(to);
    invariant(seq === line.sent + 1, () => `I7: message ${seq} to ${to} after ${line.sent}`);
    this.#change(line, { sent: seq }, position);
    const hot = this.#hot.get(to) ?? new Map<number, MessageRow>();
    if (hot.size === 0) this.#hot.set(to, hot);
    hot.set(seq, { to, seq, at: position, message });
  }

  accepted(to: string, seq: number, position: number): void {
    const line = this.to(to);
    invariant(seq <= line.sent, () => `I7: ${to} accepted ${seq} of ${line.sent}`);
    this.#change(line, { accepted: seq }, position);
    const hot = this.#hot.get(to);
    if (hot === undefined) return;
    for (const held of hot.keys()) {
      if (held > seq) break;
      hot.delete(held);
    }
    if (hot.size === 0) this.#hot.delete(to);
  }

  delivered(producer: string, seq: number, position: number): void {
    const line = this.from(producer);
    invariant(seq === line.accepted + 1, () => `I7: ${producer} ${seq} after ${line.accepted}`);
    this.#change(line, { accepted: seq }, position);
  }

  /** Whether anything was ever taken from a producer. */
  knows(producer: string): boolean {
    return this.#lines.has(`<${producer}`);
  }

  /** Of a subscription: sequences of its stream grow from 0, where it begins, and need not be dense. */
  consumed(
    {
      from,
      seq,
      parked,
    }: { readonly from: string; readonly seq: number; readonly parked?: unknown },
    position: number,
  ): void {
    const line = this.from(from);
    const next = seq > line.accepted || !this.knows(from);
    invariant(next, () => `I7: ${from} ${seq} after ${line.accepted}`);
    this.#change(line, { accepted: seq, sent: line.sent + (parked === true ? 1 : 0) }, position);
  }

  /** Producers whose names begin so. */
  producers(prefix: string): string[] {
    const names = [...this.#lines.keys()].filter((name) => name.startsWith(`<${prefix}`));
    return names.map((name) => name.slice(1));
  }

  #change(line: LineRow, to: Partial<LineRow>, position: number): void {
    Object.assign(line, to);
    line.at = position;
    this.#lines.set(line.name, line);
  }

  /** Messages to one destination after number `after`, in order: at most `limit` of them. */
  read(to: string, after: number, limit: number): MessageRow[] {
    const { sent, accepted } = this.to(to);
    const first = Math.max(after, accepted) + 1;
    const last = Math.min(sent, first + limit - 1);
    const hot = this.#hot.get(to);
    const rows: MessageRow[] = [];
    // What is not hot was folded before all that is.
    if (first <= last && hot?.has(first) !== true) {
      for (const row of this.#cold.messages(to, first - 1, limit)) {
        if (row.seq <= last && hot?.has(row.seq) !== true) rows.push(row);
      }
    }
    for (let seq = first + rows.length; seq <= last; seq++) {
      const row = hot?.get(seq);
      invariant(row !== undefined, () => `I7: message ${seq} to ${to} is neither hot nor cold`);
      rows.push(row);
    }
    return rows;
  }

  /** Lines changed after `folded`. */
  *changedLines(folded: number): IterableIterator<LineRow> {
    for (const line of this.#lines.values()) if (line.at > folded) yield line;
  }

  /** Messages posted after `folded` that still wait. */
  *changed(folded: number): IterableIterator<MessageRow> {
    for (const hot of this.#hot.values()) {
      for (const row of hot.values()) if (row.at > folded) yield row;
    }
  }

  forget(position: number): void {
    for (const [to, hot] of this.#hot) {
      for (const [seq, { at }] of hot) {
        if (at > position) break;
        hot.delete(seq);
      }
      if (hot.size === 0) this.#hot.delete(to);
    }
  }
}
