// Messages that partitions of an app had for each other and that had not arrived when it stopped.
// Where all of it becomes one partition they are messages to itself, in the order of each pair, and
// are taken when it is first led. Messages to or from other apps cannot be moved.
import type { Message, RemoteWaiter } from "../model/message.ts";
import type { Waiter } from "../model/row.ts";
import { type MoveSource, type Moving, notDrained } from "./moving.ts";

export interface Pending {
  /** Who sent it, and for whom: as numbers of sources. */
  readonly from: number;
  readonly to: number;
  readonly message: Message;
}

const pageRows = 256;

/** @throws HoldfastError `MIGRATION_NOT_DRAINED` for what is on its way to another app. */
export function pendingOf(sources: readonly MoveSource[]): Pending[] {
  const found: Pending[] = [];
  const numbers = new Map(sources.map(({ place }, i) => [place, i]));
  for (const [from, { place, queries }] of sources.entries()) {
    const producer = `<${place}/${queries.table.meta()?.line}`;
    for (const { name, sent, accepted } of queries.table.lines()) {
      if (!name.startsWith(">") || sent === accepted) continue;
      const to = numbers.get(name.slice(1));
      if (to === undefined) throw notDrained(`${sent - accepted} messages for ${name.slice(1)}`);
      // Accepted there, and its sender has not heard.
      const lines = sources[to]?.queries.table.lines() ?? [];
      let after = lines.find((line) => line.name === producer)?.accepted ?? 0;
      for (after = Math.max(after, accepted); after < sent; ) {
        const rows = queries.table.messages(name.slice(1), after, pageRows);
        for (const { message } of rows) found.push({ from, to, message });
        after = rows.at(-1)?.seq ?? sent;
      }
    }
  }
  return found;
}

/** A message as it is where sender and receiver are one. */
export function pendingHere(moving: Moving, { from, to, message }: Pending): Message {
  switch (message.kind) {
    case "invoke": {
      const { chain, waiter } = message;
      return {
        ...message,
        chain: chain?.flatMap((link) => moving.link(to, link, 0) ?? []),
        waiter: waiter && here(moving, from, waiter),
      };
    }
    case "attach":
      return { ...message, waiter: here(moving, from, message.waiter) as RemoteWaiter };
    case "completed":
      return { ...message, n: moving.spot(to, message.n)?.n ?? 0 };
    default:
      return message;
  }
}

/** Without a place: it waits here. */
function here(moving: Moving, from: number, waiter: RemoteWaiter): RemoteWaiter | undefined {
  const found: Waiter | undefined = moving.waiter(from, waiter, 0);
  return found as RemoteWaiter | undefined;
}
