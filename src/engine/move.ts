// Moves what the partitions of one place hold into those of another, and proves it: what was written
// is read back and compared by content. It knows storages; what marks places as left and as reached
// is its caller's. Cut short anywhere, the same move goes on where it was.
import { batchBytes, recordLine } from "../codec/record.ts";
import { HoldfastError } from "../model/errors.ts";
import type { Batch, Changelog } from "../ports/changelog.ts";
import type { OpenStorage, Storage } from "../ports/storage.ts";
import { hexOf, utf8 } from "../std/bytes.ts";
import { sha256 } from "../std/sha256.ts";
import { type Content, contentOf, lostIds } from "./move-content.ts";
import { type Pending, pendingOf } from "./move-pending.ts";
import { batchesOf, type MoveHistory } from "./move-records.ts";
import { type MoveSource, type MoveTarget, Moving } from "./moving.ts";
import { recover } from "./recovery.ts";

/** A partition at rest, open to be read. */
export interface AtRest extends MoveSource {
  /**
   * Shuts out whoever might think that it leads (I2).
   *
   * @throws HoldfastError `PARTITION_FENCED` when somebody has led since this was opened.
   */
  fence(): Promise<void>;
  close(): Promise<void>;
}

/** Opens a partition that nobody leads, with its table folded to the end. */
export async function openAtRest(place: string, storage: Storage): Promise<AtRest> {
  const opened = await storage.open({ onFatal: () => {} });
  try {
    return await atRest(place, opened);
  } catch (error) {
    await opened.close().catch(() => {});
    throw error;
  }
}

/** The same, after whoever might still think that it leads has been shut out (I2). */
export async function openFenced(place: string, storage: Storage): Promise<AtRest> {
  const opened = await storage.open({ onFatal: () => {} });
  try {
    await fence(opened);
    return await atRest(place, opened);
  } catch (error) {
    await opened.close().catch(() => {});
    throw error;
  }
}

async function fence({ changelog, cold }: OpenStorage): Promise<void> {
  const { last, epoch } = changelog.range;
  if (last === 0) return;
  // No time of its own: nothing is decided by it.
  const time = cold.meta()?.time ?? 0;
  const led = { kind: "led", epoch: epoch + 1, nonce: "move", unclean: false } as const;
  const bytes = batchBytes([recordLine(time, [led])]);
  await changelog.append({ first: last + 1, count: 1, epoch: epoch + 1, bytes });
}

async function atRest(place: string, opened: OpenStorage): Promise<AtRest> {
  const { materialiser, close } = opened;
  await recover(opened, { keepRows: 0, timerHorizonMs: 0, timerPageMax: 1, track: false });
  await materialiser.drain();
  const queries = opened.queries?.();
  if (queries === undefined) throw new TypeError("What moves has a table that can be listed.");
  const closeAll = async (): Promise<void> => {
    queries.close();
    await close();
  };
  return { place, queries, fence: () => fence(opened), close: closeAll };
}

export interface PlannedMove {
  readonly content: Content;
  /** Names the state that moves: another state is another move. */
  readonly fingerprint: string;
  /** Messages that had not arrived, and go along. */
  readonly pending: number;
  /** Writes one partition of the target; what of it is there already is compared. */
  write(to: number, storage: Storage): Promise<void>;
  /** @throws HoldfastError `MIGRATION_DIFFERS`. */
  verify(targets: readonly MoveSource[]): void;
}

/**
 * Plans a move, and looks whether all of it can be.
 *
 * @throws HoldfastError `MIGRATION_NOT_DRAINED`.
 */
export function planMove(sources: readonly MoveSource[], target: MoveTarget): PlannedMove {
  const pending = pendingOf(sources);
  const content = contentOf(sources);
  const metas = sources.map(({ queries }) => queries.table.meta());
  const state = JSON.stringify([content, metas.map((meta) => [meta?.line, meta?.secret])]);
  const fingerprint = hexOf(sha256(utf8(state))).slice(0, 32);
  const moving = new Moving(sources, target);
  const time = Math.max(...metas.map((meta) => meta?.time ?? 0));
  const batches = (to: number): Generator<Batch> => {
    const line = hexOf(sha256(utf8(`holdfast line ${fingerprint} ${to}`))).slice(0, 22);
    const history: MoveHistory = { line, nonce: fingerprint.slice(0, 22), time };
    return batchesOf(moving, to, history, to === 0 ? pending : ([] as Pending[]));
  };
  // What cannot be moved says so before anything is written.
  for (const to of target.places.keys()) for (const _ of batches(to));
  return {
    content,
    fingerprint,
    pending: pending.length,
    write: (to, storage) => write(storage, batches(to)),
    verify: (targets) => verify(sources, targets, content),
  };
}

async function write(storage: Storage, batches: Iterator<Batch>): Promise<void> {
  let failed: unknown;
  const opened = await storage.open({ onFatal: (error) => (failed ??= error) });
  try {
    await comparePrefix(opened.changelog, batches);
    for (let next = batches.next(); next.done !== true; next = batches.next()) {
      await opened.changelog.append(next.value);
    }
    if (failed !== undefined) throw failed;
  } finally {
    await opened.close();
  }
}

/** What an earlier run has written must be what this one would write. */
async function comparePrefix(changelog: Changelog, batches: Iterator<Batch>): Promise<void> {
  for await (const { first, count, bytes } of changelog.read(1)) {
    const next = batches.next();
    const same =
      next.done !== true &&
      next.value.first === first &&
      next.value.count === count &&
      hexOf(sha256(next.value.bytes)) === hexOf(sha256(bytes));
    if (same) continue;
    throw new HoldfastError("MIGRATION_DIFFERS", {
      happened: `What lies at the target from record ${first} on is not of this migration.`,
      data: { first },
    });
  }
}

function verify(
  sources: readonly MoveSource[],
  targets: readonly MoveSource[],
  content: Content,
): void {
  const found = contentOf(targets);
  for (const name of ["invocations", "journals", "keys", "promises", "timers"] as const) {
    const [was, is] = [content[name], found[name]];
    if (was.count === is.count && was.sum === is.sum) continue;
    throw new HoldfastError("MIGRATION_DIFFERS", {
      happened: `Of ${was.count} ${name} at the source, ${is.count} at the target, not all are the same.`,
      data: { what: name, source: { ...was }, target: { ...is } },
    });
  }
  const lost = lostIds(sources, targets);
  if (lost.length === 0) return;
  throw new HoldfastError("MIGRATION_DIFFERS", {
    happened: `Ids of the source lead nowhere at the target, such as ${lost[0]}.`,
    data: { lost },
  });
}
