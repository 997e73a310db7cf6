// Server-sent events as they come from the admin side, with reconnection: Node 20 has no EventSource.
// It goes on after the last event it was given, for as long as it is read.
import type { ChangeEvent } from "../engine/feed.ts";
import { CliError, exit } from "./exit.ts";
import type { HttpClient } from "./http-client.ts";

const againMs = 1000;

export async function* changeEvents(
  admin: HttpClient,
  lost: (why: string) => void,
): AsyncGenerator<ChangeEvent> {
  let last: string | undefined;
  for (let connected = false; ; ) {
    try {
      const headers = last === undefined ? {} : { "last-event-id": last };
      const { body } = await admin.ask("/events", { headers });
      connected = true;
      for await (const { id, data } of blocksOf(body as AsyncIterable<Uint8Array>)) {
        if (id !== undefined) last = id;
        if (data !== undefined && data !== "{}") yield JSON.parse(data) as ChangeEvent;
      }
    } catch (error) {
      const refused = error instanceof CliError && error.exit !== exit.unreachable;
      if (!connected || refused) throw error;
      lost(error instanceof Error ? error.message : String(error));
    }
    await new Promise((resolve) => setTimeout(resolve, againMs));
  }
}

interface Block {
  readonly id?: string | undefined;
  readonly data?: string | undefined;
}

async function* blocksOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<Block> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const piece of body) {
    text += decoder.decode(piece, { stream: true });
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      yield blockOf(text.slice(0, end));
      text = text.slice(end + 2);
    }
  }
}

function blockOf(text: string): Block {
  const fields = new Map<string, string>();
  for (const line of text.split("\n")) {
    const colon = line.indexOf(": ");
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 2));
  }
  return { id: fields.get("id"), data: fields.get("data") };
}
