// Where there are no sockets: a client is told so.
import type { Fetch } from "./transport.ts";

/** @throws TypeError. */
export function socketFetch(data: string): Fetch {
  throw new TypeError(
    `connect({ data: ${JSON.stringify(data)} }) needs Node: elsewhere, name the engine by its url.`,
  );
}
