// The records that make one partition of what moves: its beginning, every invocation as it stood, then
// names, keys and promises. The same source gives the same bytes, so that a move that was cut short
// can be gone on with. Nothing is decided again: what stood there stands here.
import { batchBytes, recordLine } from "../codec/record.ts";
import type { Change, MovedInvocation } from "../model/change.ts";
import type { Entry } from "../model/entry.ts";
import { formatInvocationId, mintedUuid } from "../model/ids.ts";
import { addressOf, calleeId, idempotentId, idOf, runId } from "../model/invocation-id.ts";
import type { Payload } from "../model/payload.ts";
import type { InvocationRow, Waiter } from "../model/row.ts";
import type { Batch } from "../ports/changelog.ts";
import { type Pending, pendingHere } from "./move-pending.ts";
import { keyRange, type Listed, type Moving, type Spot } from "./moving.ts";

export interface MoveHistory {
  /** Names this history (R23); the same for the same source. */
  readonly line: string;
  readonly nonce: string;
  /** Time of every record: that of the last one of the source. */
  readonly time: number;
}

/** A record takes no more text of entries or values than this, but for a single larger one. */
const textMax = 2 * 1024 * 1024;
/** Rows whose text is longer leave their result to a record of its own. */
const rowTextMax = 4 * 1024 * 1024;
const batchRecordsMax = 1000;
const batchTextMax = 1024 * 1024;
const pageRows = 1000;
/** The destination of messages that a place alone has for itself. */
export const ownOutbox = "self";

/** The batches of a partition, in order, of epoch 1. */
export function* batchesOf(
  moving: Moving,
  to: number,
  history: MoveHistory,
  pending: readonly Pending[],
): Generator<Batch> {
  let lines: string[] = [];
  let text = 0;
  let first = 1;
  const batch = (): Batch => {
    const made = { first, count: lines.length, epoch: 1, bytes: batchBytes(lines) };
    first += lines.length;
    lines = [];
    text = 0;
    return made;
  };
  for (const changes of recordsOf(moving, to, history, pending)) {
    const line = recordLine(history.time, changes);
    lines.push(line);
    text += line.length;
    if (lines.length >= batchRecordsMax || text >= batchTextMax) yield batch();
  }
  if (lines.length > 0) yield batch();
}

function* recordsOf(
  moving: Moving,
  to: number,
  { line, nonce }: MoveHistory,
  pending: readonly Pending[],
): Generator<Change[]> {
  const { secret, places } = moving.target;
  const place = places[to] as string;
  yield [
    { kind: "genesis", secret, line, ...(place === "" ? {} : { place }) },
    { kind: "led", epoch: 1, nonce, unclean: false },
  ];
  const list = moving.lists[to] ?? [];
  const long: Listed[] = [];
  // The first record of each stands at the position that is its number.
  for (const listed of list) {
    const [first, second] = changesOf(moving, listed);
    yield [first as Change];
    if (second !== undefined) long.push(listed);
  }
  for (const listed of long) {
    for (const change of changesOf(moving, listed).slice(1)) yield [change];
  }
  for (const listed of list) {
    for (const id of aliasesOf(moving, listed)) {
      yield [{ kind: "aliased", n: (moving.spot(listed.source, listed.n) as Spot).n, id }];
    }
  }
  yield* keysOf(moving, to);
  yield* promisesOf(moving, to);
  for (const [i, message] of pending.entries()) {
    yield [{ kind: "posted", to: ownOutbox, seq: i + 1, message: pendingHere(moving, message) }];
  }
}

/** An invocation and its journal: one change, or several where they are long. */
function changesOf(moving: Moving, listed: Listed): Change[] {
  const { source } = listed;
  const row = moving.row(listed);
  const spot = moving.spot(source, listed.n) as Spot;
  const invocation = movedInvocation(moving, listed, row, spot);
  const journal = moving.sources[source]?.queries.table.journal(row.n, 0) ?? [];
  const chunks = chunked(
    journal.map((entry) => movedEntry(moving, source, entry, spot.to)),
    (entry) => JSON.stringify(entry).length,
  );
  const large = JSON.stringify(invocation).length > rowTextMax;
  const [entries = [], ...rest] = large ? [[], ...chunks] : chunks;
  if (rest.length === 0 && !(large && row.result !== null)) {
    return [{ kind: "movedIn", invocation, entries }];
  }
  // What has ended ends with the last of its journal, which is then kept as one.
  const { status, result, expiry } = invocation;
  const ended = status === "completed";
  const open = ended ? ({ status: "suspended", result: null, expiry: null } as const) : {};
  const ons = rest.length === 0 ? [[]] : rest;
  return [
    { kind: "movedIn", invocation: { ...invocation, ...open }, entries },
    ...ons.map((some, i): Change => {
      const last = ended && i === ons.length - 1;
      const on = { kind: "movedOn", n: spot.n, entries: some } as const;
      return last ? { ...on, end: { status, result, expiry } } : on;
    }),
  ];
}

function movedInvocation(
  moving: Moving,
  { source }: Listed,
  row: InvocationRow,
  spot: Spot,
): MovedInvocation {
  const { n, at, epoch, entries, inboxedAt, objectName, open, buffered, waiters, ...same } = row;
  const { to } = spot;
  return {
    ...same,
    derivedId: derivedIdOf(moving, row, to),
    former: { n: addressOf(row), id: idOf(row) },
    expiry: moving.expiry(spot, row),
    chain: row.chain.flatMap((link) => moving.link(source, link, to) ?? []),
    open: [...open].map(([of, command]) => [of, moving.open(source, command, to)] as const),
    buffered: [...buffered],
    waiters: movedWaiters(moving, source, waiters, to),
  };
}

function movedWaiters(
  moving: Moving,
  source: number,
  waiters: readonly Waiter[],
  to: number,
): Waiter[] {
  return waiters.flatMap((waiter) => moving.waiter(source, waiter, to) ?? []);
}

/** Where ids follow from names, the one that is computed at the new place; else the one it has. */
function derivedIdOf({ target }: Moving, row: InvocationRow, to: number): string {
  const home = { secret: target.secret, place: target.places[to] as string };
  if (row.mode === "workflow") return runId(home, row);
  if (row.idempotencyKey !== null) return idempotentId(home, row, row.idempotencyKey);
  return idOf(row);
}

/** Every other id that is to lead to it; awakeables are found by the one its number gave. */
function aliasesOf(moving: Moving, listed: Listed): Iterable<string> {
  const others = moving.idsOf(listed);
  const row = moving.row(listed);
  const derivedId = derivedIdOf(moving, row, (moving.spot(listed.source, listed.n) as Spot).to);
  const ids = new Set([...others, idOf(row)]);
  if (row.status !== "completed") {
    ids.add(formatInvocationId(row.partitionKey, mintedUuid(addressOf(row), row.incarnation)));
  }
  ids.delete(derivedId);
  return ids;
}

/** The id of a callee is kept as text: its number was one of the old place. */
function movedEntry(moving: Moving, source: number, entry: Entry, to: number): Entry {
  if (entry.kind !== "command") return entry;
  const { command } = entry;
  if (command.kind !== "call" && command.kind !== "send") return entry;
  const { callee, target } = command;
  if (callee === null || callee.n < 0) return entry;
  const derivedId = calleeId(target.service, target.key, callee);
  const spot = moving.spot(source, callee.n);
  const n = spot?.to === to ? spot.n : -1;
  const moved = { n, incarnation: callee.incarnation, derivedId };
  return { ...entry, command: { ...command, callee: moved } };
}

function* keysOf(moving: Moving, to: number): Generator<Change[]> {
  const numberOf = (source: number, n: number): number => moving.spot(source, n)?.n ?? 0;
  for (const [source, { queries }] of moving.sources.entries()) {
    const pages = keyRange(moving, to, (after) => queries.keys(undefined, after, pageRows));
    for (const { partitionKey, service, key } of pages) {
      const object = queries.table.object(partitionKey, service, key);
      if (object === undefined) continue;
      const { version } = object;
      const lock = numberOf(source, object.lock);
      const inbox = object.inbox.map(({ n }) => numberOf(source, n)).filter((n) => n !== 0);
      const sizeOf = (value: readonly [string, Payload]): number => JSON.stringify(value).length;
      const chunks = chunked([...object.state], sizeOf);
      if (chunks.length === 0 && lock === 0 && inbox.length === 0) continue;
      for (const [i, values] of (chunks.length === 0 ? [[]] : chunks).entries()) {
        const waits = i === 0 ? inbox : [];
        yield [{ kind: "keyMoved", service, key, lock, inbox: waits, version, values }];
      }
    }
  }
}

function* promisesOf(moving: Moving, to: number): Generator<Change[]> {
  for (const [source, { queries }] of moving.sources.entries()) {
    const pages = keyRange(moving, to, (after) =>
      queries.promises(undefined, after && { name: "", ...after }, pageRows),
    );
    for (const { partitionKey, service, key, name } of pages) {
      const row = queries.table.promise(partitionKey, service, key, name);
      if (row === undefined) continue;
      const { result, expiry } = row;
      const waiters = movedWaiters(moving, source, row.waiters, to);
      yield [{ kind: "promiseMoved", service, key, name, result, waiters, expiry }];
    }
  }
}

/** In order, each of them as long as a record may be. */
function chunked<T>(items: readonly T[], lengthOf: (item: T) => number): T[][] {
  const chunks: T[][] = [];
  let text = textMax;
  for (const item of items) {
    const length = lengthOf(item);
    if (text + length > textMax) {
      chunks.push([]);
      text = 0;
    }
    chunks.at(-1)?.push(item);
    text += length;
  }
  return chunks;
}
