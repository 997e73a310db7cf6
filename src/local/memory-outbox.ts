// The outbox and the lines of the cold table in memory: what waits to be accepted elsewhere.
import { decodeMessage, encodeMessage } from "../codec/row.ts";
import type { LineRow, MessageRow } from "../model/message.ts";
import type { ColdChanges } from "../ports/cold-table.ts";

interface Posted {
  readonly at: number;
  readonly text: string;
}

export class MemoryOutbox {
  readonly #lines = new Map<string, LineRow>();
  /** By destination, then number. */
  readonly #messages = new Map<string, Map<number, Posted>>();

  lines(): LineRow[] {
    return Array.from(this.#lines.values(), (line) => ({ ...line }));
  }

  messages(to: string, after: number, limit: number): MessageRow[] {
    const found: MessageRow[] = [];
    for (const [seq, { at, text }] of this.#messages.get(to) ?? []) {
      if (seq <= after) continue;
      if (found.length >= limit) break;
      found.push({ to, seq, at, message: decodeMessage(text) });
    }
    return found;
  }

  write({ lines, messages }: Pick<ColdChanges, "lines" | "messages">): void {
    for (const { to, seq, at, message } of messages) {
      const posted = this.#messages.get(to) ?? new Map<number, Posted>();
      this.#messages.set(to, posted.set(seq, { at, text: encodeMessage(message) }));
    }
    for (const line of lines) this.#put(line);
  }

  #put({ name, at, sent, accepted }: LineRow): void {
    this.#lines.set(name, { name, at, sent, accepted });
    const waiting = this.#messages.get(name.slice(1));
    if (!name.startsWith(">") || waiting === undefined) return;
    for (const seq of waiting.keys()) if (seq <= accepted) waiting.delete(seq);
    if (waiting.size === 0) this.#messages.delete(name.slice(1));
  }
}
