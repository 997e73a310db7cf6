// What changes, as server-sent events: one per change, with positions as its id, so that a client
// that comes back goes on where it was. A client that does not read is let go of.
import type { GiveUp } from "../engine/door.ts";
import type { ChangeEvent } from "../engine/feed.ts";
import type { Inspection } from "../engine/inspection.ts";

/** Events that wait for a slow client; then it is told that it missed some. */
const waitingMax = 1000;
/** How often something is sent when nothing happens, so that both sides know of each other. */
const beatMs = 15_000;

const { setTimeout, clearTimeout } = globalThis;

/** The text of an event stream, until `signal`. */
export async function* eventStream(
  inspect: Inspection,
  after: string | undefined,
  signal: GiveUp | undefined,
): AsyncGenerator<string> {
  const waiting: ChangeEvent[] = [];
  let missed = 0;
  let wake = (): void => {};
  const stop = await inspect.watch((event) => {
    if (waiting.length < waitingMax) waiting.push(event);
    else missed++;
    wake();
  }, after);
  const gone = (): void => wake();
  signal?.addEventListener("abort", gone);
  const positions = new Map<number, number>();
  try {
    yield "retry: 1000\n\n";
    while (signal?.aborted !== true) {
      const event = waiting.shift();
      if (event !== undefined) {
        positions.set(event.partition, event.position);
        yield eventText(event, positions);
        continue;
      }
      if (missed > 0) {
        missed = 0;
        yield "event: missed\ndata: {}\n\n";
        continue;
      }
      const beat = await waited(beatMs, (then) => {
        wake = then;
      });
      if (beat) yield ": still here\n\n";
    }
  } finally {
    stop();
    signal?.removeEventListener("abort", gone);
  }
}

function eventText(event: ChangeEvent, positions: ReadonlyMap<number, number>): string {
  const id = [...positions].map(([partition, position]) => `${partition}:${position}`).join(",");
  // JSON has no newline of its own.
  return `id: ${id}\nevent: ${event.kind}\ndata: ${JSON.stringify(event)}\n\n`;
}

/** True when the time was over before somebody woke it. */
function waited(ms: number, waker: (wake: () => void) => void): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(true), ms);
    waker(() => {
      clearTimeout(timer);
      resolve(false);
    });
  });
}
