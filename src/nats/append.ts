// One message appended, for certain: the stream's expected last sequence is the fence (I2), and an
// outcome that is not known is asked for again, with the same bytes and the same expectation, until
// it is. Only an acknowledgement of our stream, at the next sequence, and of no duplicate counts.
import { HoldfastError } from "../model/errors.ts";
import type { Frame } from "./frame.ts";
import { frameHeader, frameOf, frameText } from "./frame.ts";
import { fenced, halted } from "./halt.ts";
import { type Ack, type JetStream, type Refusal, refusals } from "./jetstream.ts";
import { deadline } from "./link.ts";
import { Patience } from "./standing.ts";

export interface AppendOptions {
  readonly jetstream: JetStream;
  readonly stream: string;
  readonly subject: string;
  /** Of the stream as it was opened. */
  readonly created: string;
  /** Told true when the stream takes no more, false when it does again. */
  full(full: boolean): void;
  /** Whether to give up on an outcome that stays unknown. */
  givenUp(): boolean;
}

/** How long a leader may be behind what was acknowledged, and the stream said to be gone or new. */
interface Patiences {
  readonly behind: Patience;
  readonly gone: Patience;
}

/** Refusals that pass: the stream or the server has no room. */
const noRoom: readonly number[] = [10077, 10047, 10023, 10028, 10002, 10122];
const askAgainMsMax = 1000;
/** How long a leader may answer no append, longer than NATS takes to choose one. */
const wedgedMs = 15_000;

/** Resolves when the message is stored at `expected + 1`; rejects when it never will be by us. */
export async function append(
  options: AppendOptions,
  frame: Frame,
  body: Uint8Array,
  expected: number,
): Promise<void> {
  const { jetstream, stream, subject } = options;
  const headers = {
    [frameHeader]: frameText(frame),
    "Nats-Expected-Stream": stream,
    "Nats-Expected-Last-Sequence": String(expected),
  };
  let full = false;
  const patience = { behind: new Patience(jetstream), gone: new Patience(jetstream) };
  let wedged = deadline(jetstream.world, wedgedMs);
  for (let tries = 0; ; tries++) {
    const ack = await jetstream.publish(subject, body, headers);
    if (counts(ack, stream, expected)) break;
    const room = ack.kind === "refusal" && noRoom.includes(ack.refusal.number);
    if (room !== full) options.full((full = room));
    if (room) tries = Math.max(tries, 4);
    else if (await stored(options, ack, frame, expected, patience)) break;
    if (options.givenUp()) throw unknown(stream, ack);
    if (ack.kind === "unknown" && wedged()) {
      await jetstream.stepDown(stream);
      wedged = deadline(jetstream.world, wedgedMs);
    }
    await jetstream.pause(Math.min(20 * 2 ** Math.min(tries, 10), askAgainMsMax));
  }
  if (full) options.full(false);
}

function counts(ack: Ack, stream: string, expected: number): boolean {
  return ack.kind === "ack" && ack.stream === stream && ack.seq === expected + 1 && !ack.dup;
}

/** True when it turns out to be stored; false when it is to be sent again. */
async function stored(
  options: AppendOptions,
  ack: Ack,
  frame: Frame,
  expected: number,
  patience: Patiences,
): Promise<boolean> {
  switch (ack.kind) {
    case "ack":
      return found(options, frame, expected, patience);
    case "refusal":
      return refused(options, ack.refusal, frame, expected, patience);
    case "refused":
      throw new HoldfastError("NATS_UNSUITABLE", {
        happened: `The NATS server forbids appends to ${options.stream}: ${ack.why}.`,
        fix: "Give the user of this node the permissions that docs/cluster.md lists.",
        data: { stream: options.stream },
      });
    case "nobody":
      // No leader just now, or no stream at all.
      await thereStill(options, patience);
      return false;
    case "unknown":
      return false;
  }
}

async function refused(
  options: AppendOptions,
  refusal: Refusal,
  frame: Frame,
  expected: number,
  patience: Patiences,
): Promise<boolean> {
  if (refusals.wrongLastSequence.includes(refusal.number)) {
    return found(options, frame, expected, patience);
  }
  if (refusal.status === 503) return false;
  throw new HoldfastError("CHANGELOG_FAILED", {
    happened: `Stream ${options.stream} refuses an append: ${refusal.message}.`,
    cause: refusal,
    data: { stream: options.stream },
  });
}

/** Looks, through the leader, who has the place: we, another, or nobody yet. */
async function found(
  options: AppendOptions,
  frame: Frame,
  expected: number,
  patience: Patiences,
): Promise<boolean> {
  const { jetstream, stream } = options;
  const message = await orLater(jetstream.message(stream, { seq: expected + 1 }));
  if (message === "later") return false;
  if (message !== undefined) {
    const holder = frameOf(message.header(frameHeader));
    if (holder?.nonce === frame.nonce && holder.part === frame.part) return true;
    throw fenced(stream, { epoch: frame.epoch, by: holder?.epoch });
  }
  const info = await thereStill(options, patience);
  if (info === undefined) return false;
  const { first_seq, last_seq } = info.state;
  if (first_seq > expected + 1) throw fenced(stream, { epoch: frame.epoch });
  // The message may have come between the two questions, or a leader be behind that was just chosen.
  if (last_seq === expected || !patience.behind.over()) return false;
  if (last_seq > expected) throw halted(stream, "hole", { sequence: expected + 1, last_seq });
  throw halted(stream, "rolled-back", { acknowledged: expected, last_seq });
}

async function thereStill({ jetstream, stream, created }: AppendOptions, { gone }: Patiences) {
  const info = await orLater(jetstream.info(stream));
  if (info === "later") return undefined;
  if (info?.created === created) return info;
  if (!gone.over()) return undefined;
  if (info === undefined) throw halted(stream, "missing");
  throw halted(stream, "recreated", { created: info.created });
}

/** While NATS is away there is no answer; that is no end. */
async function orLater<T>(asked: Promise<T>): Promise<T | "later"> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof HoldfastError && error.code === "NATS_UNAVAILABLE") return "later";
    throw error;
  }
}

function unknown(stream: string, ack: Ack): HoldfastError {
  const why = "why" in ack ? ack.why : ack.kind;
  return new HoldfastError("CHANGELOG_FAILED", {
    happened: `Whether the last append to stream ${stream} is stored is not known: ${why}.`,
    fix: "Whoever leads the partition next finds out.",
    data: { stream },
  });
}
