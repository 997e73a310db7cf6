// Messages of the bus that are larger than one of NATS: cut by the sender, put together by the
// receiver. Parts of one message come in order over one connection, or not at all; what stays
// incomplete is dropped, and its asker hears nothing.
import { concatBytes } from "../std/bytes.ts";
import type { Connection } from "./connection.ts";
import { cut } from "./frame.ts";
import type { Incoming } from "./outcome.ts";

const partHeader = "Holdfast-Part";

/** Sends it whole, or in parts under one id. */
export function publishParts(
  connection: Connection,
  subject: string,
  bytes: Uint8Array,
  { id, reply }: { readonly id: string; readonly reply?: string },
): void {
  const parts = cut(bytes);
  for (const [at, part] of parts.entries()) {
    const headers =
      parts.length === 1 ? undefined : { [partHeader]: `${id} ${at + 1} ${parts.length}` };
    // What is sent may be changed by its owner while it waits in the client.
    connection.publish(subject, part.slice(), {
      ...(reply === undefined ? {} : { reply }),
      headers,
    });
  }
}

/** Incomplete messages held at once, of all senders together. */
const incompleteMax = 64;

export class Parts {
  readonly #incomplete = new Map<string, Uint8Array[]>();

  /** The whole message when this was the last of its parts. */
  take(message: Incoming): Uint8Array | undefined {
    const [id = "", part, parts] = message.header(partHeader).split(" ");
    if (part === undefined) return message.data;
    const held = this.#incomplete.get(id) ?? [];
    this.#incomplete.delete(id);
    if (held.length + 1 !== Number(part)) return undefined;
    held.push(message.data);
    if (held.length === Number(parts)) return concatBytes(...held);
    this.#incomplete.set(id, held);
    const [oldest] = this.#incomplete.keys();
    if (this.#incomplete.size > incompleteMax) this.#incomplete.delete(oldest as string);
    return undefined;
  }
}
