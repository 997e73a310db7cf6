// A data directory looked at without opening it: no lock, nothing written, while an engine has it
// open or after. It sees what is durable: the cold table as of one moment and the changelog after it.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { recordsOf } from "./codec/record.ts";
import { recover } from "./engine/recovery.ts";
import { openFileChangelog } from "./file/changelog.ts";
import { MemoryColdTable } from "./local/memory-cold-table.ts";
import type { Change } from "./model/change.ts";
import type { Entry } from "./model/entry.ts";
import { HoldfastError, isHoldfastError } from "./model/errors.ts";
import { parseInvocationId, positionOf } from "./model/ids.ts";
import { idOf } from "./model/invocation-id.ts";
import type { InvocationNumber, InvocationRow, Status } from "./model/row.ts";
import type { Tables } from "./partition/tables/tables.ts";
import type { Changelog, StoredBatch } from "./ports/changelog.ts";
import { openSqliteColdTable } from "./sqlite/cold-table.ts";

export interface Archived {
  readonly row: InvocationRow;
  readonly entries: readonly Entry[];
}

/** States in which an invocation has begun and not ended. */
export const begun: readonly Status[] = ["running", "ready", "suspended", "backing-off", "paused"];
/** A changelog that is trimmed while it is looked for is looked for again. */
const triesMax = 5;

export class Archive implements AsyncDisposable {
  readonly #tables: Tables;
  readonly #tail: Tail;
  readonly #close: () => Promise<void>;

  /**
   * @throws HoldfastError `DIRECTORY_FOREIGN`, `DIRECTORY_NEWER`, `CHANGELOG_DAMAGED`,
   * `TABLE_DAMAGED`.
   */
  static async open(directory: string): Promise<Archive> {
    for (let tries = 1; ; tries++) {
      try {
        return await Archive.#open(directory);
      } catch (error) {
        const moved =
          isHoldfastError(error, "TABLE_DAMAGED") || isHoldfastError(error, "CHANGELOG_TRIMMED");
        if (!moved || tries >= triesMax) throw error;
      }
    }
  }

  static async #open(directory: string): Promise<Archive> {
    const path = join(directory, "table.sqlite");
    if (!existsSync(join(directory, "holdfast.json"))) {
      throw new HoldfastError("DIRECTORY_FOREIGN", {
        happened: `${directory} is no data directory of Holdfast.`,
        data: { directory },
      });
    }
    const table = existsSync(path) ? openSqliteColdTable(path, { readOnly: true }) : undefined;
    // One snapshot for as long as this is open: who folds meanwhile is not seen.
    table?.beginReads();
    const cold = table ?? new MemoryColdTable();
    const close = async (): Promise<void> => {
      table?.endReads();
      table?.close();
    };
    try {
      const folded = cold.position();
      const tail = new Tail(await openFileChangelog({ directory, readOnly: true }), folded);
      const tables = await recover(
        { changelog: tail.changelog, cold, materialiser: nobody(folded), close },
        { keepRows: Number.MAX_SAFE_INTEGER, timerHorizonMs: 0, timerPageMax: 1, track: false },
      );
      return new Archive(tables, tail, close);
    } catch (error) {
      await close();
      throw error;
    }
  }

  private constructor(tables: Tables, tail: Tail, close: () => Promise<void>) {
    this.#tables = tables;
    this.#tail = tail;
    this.#close = close;
  }

  /** Invocations that have begun and not ended, oldest first. */
  *live(): Generator<Archived> {
    const { cold, invocations } = this.#tables;
    const numbers = new Set<InvocationNumber>();
    for (const status of begun) {
      for (const n of cold.unfinished(status, 0, Number.MAX_SAFE_INTEGER)) numbers.add(n);
    }
    for (const [n] of invocations.held()) numbers.add(n);
    for (const n of [...numbers].sort((a, b) => a - b)) {
      const row = this.#tables.invocation(n);
      if (row !== undefined && row.entries > 0 && begun.includes(row.status)) yield this.#of(row);
    }
  }

  /** @throws HoldfastError `INVOCATION_NOT_FOUND`, `INVOCATION_ID_INVALID`. */
  invocation(id: string): Archived {
    const minted = positionOf(parseInvocationId(id).uuid);
    const derived = this.#tables.derived.get(id);
    const row = this.#tables.invocation(derived?.n ?? minted);
    if (row !== undefined && (derived !== undefined || idOf(row) === id)) return this.#of(row);
    throw new HoldfastError("INVOCATION_NOT_FOUND", { data: { id } });
  }

  #of(row: InvocationRow): Archived {
    const folded = this.#tables.cold.journal(row.n, 0);
    return { row, entries: [...folded, ...(this.#tail.entries.get(row.n) ?? [])] };
  }

  close(): Promise<void> {
    return this.#close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Entries after the table's position: of what has ended meanwhile, memory holds none. */
class Tail {
  readonly changelog: Changelog;
  readonly entries: Map<InvocationNumber, Entry[]> = new Map();

  constructor(changelog: Changelog, folded: number) {
    const read = async function* (this: Tail, from: number): AsyncGenerator<StoredBatch> {
      for await (const batch of changelog.read(from)) {
        for (const [i, record] of recordsOf(batch.bytes, batch.first).entries()) {
          if (batch.first + i > folded) this.#take(record.changes);
        }
        yield batch;
      }
    };
    this.changelog = { ...changelog, read: read.bind(this) };
  }

  #take(changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.kind === "command") this.#of(change.n).push(change.entry);
      else if (change.kind === "notified") this.#of(change.n).push(change.notification);
      else if (change.kind === "journalCopied") this.#of(change.n).push(...change.entries);
    }
  }

  #of(n: InvocationNumber): Entry[] {
    let entries = this.entries.get(n);
    if (entries === undefined) this.entries.set(n, (entries = []));
    return entries;
  }
}

/** Who folds here: nobody. */
function nobody(folded: number): Parameters<typeof recover>[0]["materialiser"] {
  return {
    folded,
    lagBytes: 0,
    give: () => {},
    onFold: undefined,
    onError: undefined,
    drain: () => Promise.resolve(),
    copy: () => Promise.resolve(undefined),
    close: () => Promise.resolve(),
  };
}
