// The cold table of a simulated machine: rows in memory that outlive the process. A kill leaves what
// was written; a power cut may take it back to where it was a few writes ago, as it takes back what
// SQLite has not checkpointed. Copies are small files on the simulated disk that name a position.
// Where a table goes back, it is the fold of the history up to there, which is what a table is (I11).
import { Folder } from "../src/engine/materialiser.ts";
import { MemoryColdTable } from "../src/local/memory-cold-table.ts";
import { HoldfastError } from "../src/model/errors.ts";
import type { StoredBatch } from "../src/ports/changelog.ts";
import type { ColdChanges, ColdTable } from "../src/ports/cold-table.ts";
import type { World } from "./world.ts";

/** What a table is the fold of. */
export interface Told {
  readonly batches: readonly StoredBatch[];
}

/** Writes a power cut may take back. */
const writesMax = 6;

export class SimTable {
  readonly #world: World;
  readonly #archive: Told;
  #current: MemoryColdTable | undefined;
  /** Where it was after the last writes. */
  #positions: number[] = [];
  /** The next write finds the table locked, or no room, or damaged. */
  refusal: "TABLE_LOCKED" | "DISK_FULL" | "TABLE_DAMAGED" | undefined;

  constructor(world: World, archive: Told) {
    this.#world = world;
    this.#archive = archive;
  }

  get current(): MemoryColdTable | undefined {
    return this.#current;
  }

  discard(): void {
    this.#current = undefined;
    this.#positions = [];
  }

  /** The table as it is folded up to this position. */
  create(position = 0): void {
    const table = new MemoryColdTable();
    const folder = new Folder(table, { keepRows: 0 });
    for (const batch of this.#archive.batches) if (batch.first <= position) folder.take(batch);
    folder.write();
    this.#current = table;
    this.#positions = [position];
  }

  /** What folds writes through this. */
  writer(): ColdTable {
    const current = this.#current as MemoryColdTable;
    return new Proxy(current, {
      get: (table, name) => {
        if (name === "write") return (changes: ColdChanges) => this.#write(table, changes);
        const value: unknown = Reflect.get(table, name);
        return typeof value === "function" ? value.bind(table) : value;
      },
    });
  }

  #write(table: MemoryColdTable, changes: ColdChanges): void {
    const { refusal } = this;
    if (refusal !== undefined) {
      this.refusal = undefined;
      this.#world.sometimes(`a fold finds ${refusal}`);
      throw new HoldfastError(refusal);
    }
    table.write(changes);
    this.#positions.push(table.position());
    if (this.#positions.length > writesMax) this.#positions.shift();
  }

  powerCut(): void {
    if (this.#current === undefined) return;
    const position = this.#world.pick(this.#positions);
    if (position !== this.#current.position()) {
      this.#world.sometimes("a table goes back with the power");
    }
    this.create(position);
  }

  // ---- copies

  /** What a copy's file holds; its length says nothing. */
  copy(): { readonly bytes: Buffer; readonly position: number } {
    const position = (this.#current as MemoryColdTable).position();
    return { bytes: contentOf(position), position };
  }

  restore(bytes: Uint8Array): void {
    const position = Number(Buffer.from(bytes).toString().split(" ")[1]);
    if (Buffer.compare(bytes, contentOf(position)) !== 0) {
      this.#world.fail("R15", "a copy that is damaged is used");
    }
    this.#world.sometimes("a table is restored from a copy");
    this.create(position);
  }
}

function contentOf(position: number): Buffer {
  return Buffer.from(`table ${position} `.padEnd(600, "="));
}
