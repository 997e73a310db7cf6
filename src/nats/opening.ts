// What a stream says about itself before anything is appended to it, held against what is known from
// elsewhere: the app's record (its `created`), the tables and marks that remember a position (R24),
// and its own last batch, read through the leader.
import { HoldfastError } from "../model/errors.ts";
import { Assembler, frameIn, type Origin, type PlacedBatch } from "./assembler.ts";
import { type Frame, lastOf } from "./frame.ts";
import { halted } from "./halt.ts";
import type { JetStream, StreamInfo } from "./jetstream.ts";
import { leaderMessage } from "./reader.ts";
import { standing } from "./standing.ts";

/** Somebody who remembers how far the changelog had come. */
export interface Witness {
  /** For the message: "the table", "the mark". */
  readonly of: string;
  readonly position: number;
  readonly chain: number;
}

export interface Opened {
  readonly info: StreamInfo;
  /** Position of the oldest record held, and the chain before it. */
  readonly first: number;
  readonly before: number;
  /** Of the newest message: a batch that was never finished has used one up, too. */
  readonly epoch: number;
  /** The newest finished batch; undefined when there is none. */
  readonly tail: PlacedBatch | undefined;
  readonly clean: boolean;
}

export async function inspect(
  jetstream: JetStream,
  origin: Origin,
  created: string,
): Promise<Opened> {
  const { stream } = origin;
  const stands = (info: StreamInfo): boolean => info.created === created && !hasHoles(info);
  const info = await standing(jetstream, stream, stands);
  if (info.created !== created) {
    throw halted(stream, "recreated", { created: info.created, known: created });
  }
  checkConfig(info);
  const { messages, first_seq, last_seq, num_deleted = 0 } = info.state;
  if (hasHoles(info)) {
    throw halted(stream, "hole", { messages, first_seq, last_seq, num_deleted });
  }
  if (messages === 0) {
    if (last_seq > 0) throw halted(stream, "hole", { messages, first_seq, last_seq });
    return { info, first: 1, before: 0, epoch: 0, tail: undefined, clean: true };
  }
  const oldest = frameIn(origin, await leaderMessage(jetstream, stream, first_seq));
  const virgin = first_seq === 1 && (oldest.first !== 1 || oldest.before !== 0);
  if (oldest.part !== 1 || virgin) throw halted(stream, "hole", { sequence: first_seq });
  const { epoch } = frameIn(origin, await leaderMessage(jetstream, stream, last_seq));
  const { tail, clean } = await tailOf(jetstream, origin, first_seq, last_seq);
  return { info, first: oldest.first, before: oldest.before, epoch, tail, clean };
}

function hasHoles({ state }: StreamInfo): boolean {
  const { messages, first_seq, last_seq, num_deleted = 0 } = state;
  return num_deleted > 0 || (messages > 0 && messages !== last_seq - first_seq + 1);
}

/** The newest finished batch, from the end backwards; what is unfinished there is void (R18). */
async function tailOf(
  jetstream: JetStream,
  origin: Origin,
  first: number,
  last: number,
): Promise<Pick<Opened, "tail" | "clean">> {
  let clean = true;
  for (let sequence = last; sequence >= first; ) {
    const frame = frameIn(origin, await leaderMessage(jetstream, origin.stream, sequence));
    if (frame.kind === "seal") {
      sequence--;
      continue;
    }
    // Sealed only if the seal is the very last.
    clean = clean && sequence < last;
    if (frame.part < frame.parts) {
      sequence -= frame.part;
      continue;
    }
    const from = sequence - frame.parts + 1;
    if (from < first) throw halted(origin.stream, "hole", { sequence: first });
    return { tail: await batchIn(jetstream, origin, from, sequence), clean };
  }
  return { tail: undefined, clean: false };
}

/** The batch in messages `from` to `to`, of which there is one and which is whole. */
async function batchIn(
  jetstream: JetStream,
  origin: Origin,
  from: number,
  to: number,
): Promise<PlacedBatch> {
  const assembler = new Assembler(origin);
  for (let sequence = from; sequence <= to; sequence++) {
    const batch = assembler.take(await leaderMessage(jetstream, origin.stream, sequence));
    if (batch !== undefined && sequence === to) return batch;
  }
  throw halted(origin.stream, "hole", { sequence: to });
}

/** The first frame of the batch that holds a position, and where it is, by halving. */
export async function locate(
  jetstream: JetStream,
  origin: Origin,
  position: number,
  range: { readonly from: number; readonly to: number },
): Promise<{ readonly frame: Frame; readonly sequence: number } | undefined> {
  let { from, to } = range;
  while (from <= to) {
    const middle = Math.floor((from + to) / 2);
    const frame = frameIn(origin, await leaderMessage(jetstream, origin.stream, middle));
    const first = middle - frame.part + 1;
    const end = first + frame.parts - 1;
    if (position < frame.first) to = middle - 1;
    else if (position > lastOf(frame) || !(await isWhole(jetstream, origin, frame, end, range))) {
      // A void batch, too: whatever holds this position comes behind it.
      from = middle + 1;
    } else return { frame, sequence: first };
  }
  return undefined;
}

async function isWhole(
  jetstream: JetStream,
  origin: Origin,
  { nonce, part, parts }: Frame,
  end: number,
  { to }: { readonly to: number },
): Promise<boolean> {
  if (part === parts) return true;
  if (end > to) return false;
  return frameIn(origin, await leaderMessage(jetstream, origin.stream, end)).nonce === nonce;
}

/** What a server silently ignores, or somebody has changed, is seen by reading it back. */
export function checkConfig({ config }: StreamInfo): void {
  const wrong = [
    config.retention !== "limits" && `retention is ${config.retention}, not limits`,
    config.storage !== "file" && `storage is ${config.storage}, not file`,
    config.discard !== "new" && `discard is ${config.discard}, not new`,
    (config.max_age ?? 0) > 0 && "max_age is set: records would vanish",
    (config.max_msgs_per_subject ?? -1) > 0 && "max_msgs_per_subject is set: records would vanish",
  ].filter((each) => each !== false);
  if (wrong.length === 0) return;
  throw new HoldfastError("NATS_UNSUITABLE", {
    happened: `Stream ${config.name} is not fit for a changelog: ${wrong.join("; ")}.`,
    fix: "Restore its configuration as docs/cluster.md gives it.",
    data: { stream: config.name },
  });
}
