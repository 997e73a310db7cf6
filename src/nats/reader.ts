// Reading a stretch of a stream, in order, several questions at a time. Any replica may answer; what
// it does not have, the leader is asked for. A read without progress ends with an error: a damaged
// store goes quiet rather than say so.
import { isHoldfastError } from "../model/errors.ts";
import { halted } from "./halt.ts";
import { isRefusal, type JetStream, refusals, type StoredMessage } from "./jetstream.ts";
import { Patience, standing } from "./standing.ts";

/** Questions under way at once, and the bytes that may be held for them. */
const windowMax = 64;
const windowBytesMax = 4 * 1024 * 1024;

/** Messages `from` to `to`, every one of them. */
export async function* messagesOf(
  jetstream: JetStream,
  stream: string,
  from: number,
  to: number,
): AsyncIterable<StoredMessage> {
  const window: Promise<StoredMessage>[] = [];
  let asked = from;
  let typical = 16 * 1024;
  try {
    for (let next = from; next <= to; next++) {
      const width = Math.max(2, Math.min(windowMax, Math.floor(windowBytesMax / typical)));
      for (; asked <= to && asked < next + width; asked++) {
        window.push(handled(messageAt(jetstream, stream, asked)));
      }
      const message = await (window.shift() as Promise<StoredMessage>);
      typical = Math.max(256, (typical * 7 + message.data.length) / 8);
      yield message;
    }
  } finally {
    await Promise.allSettled(window);
  }
}

/** One message that must be there. */
export async function messageAt(
  jetstream: JetStream,
  stream: string,
  sequence: number,
): Promise<StoredMessage> {
  const near = await jetstream.direct(stream, sequence);
  return near ?? leaderMessage(jetstream, stream, sequence);
}

/**
 * The same, as the leader has it. That it has none is believed when it stays so: a leader that has
 * just been chosen, or was and does not know yet that it is no more, may be behind.
 */
export async function leaderMessage(
  jetstream: JetStream,
  stream: string,
  sequence: number,
): Promise<StoredMessage> {
  const patience = new Patience(jetstream);
  for (;;) {
    const message = await asked(jetstream, stream, sequence);
    if (message !== undefined) return message;
    const { first_seq, last_seq } = (await standing(jetstream, stream)).state;
    if (patience.over() || first_seq > sequence)
      throw halted(stream, "hole", { sequence, first_seq, last_seq });
    await jetstream.pause(100);
  }
}

/** Undefined where the leader has none, or has not answered and is to be asked again. */
async function asked(
  jetstream: JetStream,
  stream: string,
  seq: number,
): Promise<StoredMessage | undefined> {
  for (let silent = 0; ; ) {
    try {
      return await jetstream.message(stream, { seq });
    } catch (error) {
      if (isRefusal(error, refusals.streamNotFound)) throw halted(stream, "missing");
      if (isRefusal(error)) throw halted(stream, "damaged", { sequence: seq, why: error.message });
      const silence = isHoldfastError(error, "NATS_UNAVAILABLE");
      if (!silence || !(await answersOthers(jetstream, stream, seq))) throw error;
      // Its leader answers for other messages. Twice: it may have come back in between.
      if (++silent > 1) throw halted(stream, "stalled", { sequence: seq });
    }
  }
}

/** Whether a stream's leader answers for another message than this one. */
async function answersOthers(jetstream: JetStream, stream: string, seq: number): Promise<boolean> {
  try {
    const { first_seq = 0, last_seq = 0 } = (await jetstream.info(stream))?.state ?? {};
    const other = seq === last_seq ? first_seq : last_seq;
    return other !== seq && (await jetstream.message(stream, { seq: other })) !== undefined;
  } catch {
    return false;
  }
}

/** A rejection that nobody looks at is no surprise: its reader may have stopped. */
function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}
