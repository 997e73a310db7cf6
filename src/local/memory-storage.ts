// The parts of storage that forgets with the process: for memory(), tests and simulation. Who folds
// the changelog into the table is given from above.
import type { ColdTable } from "../ports/cold-table.ts";
import type { Materialiser } from "../ports/materialiser.ts";
import type { OpenStorage, Storage } from "../ports/storage.ts";
import { MemoryChangelog } from "./memory-changelog.ts";
import { MemoryColdTable } from "./memory-cold-table.ts";
import { MemoryQueries } from "./memory-queries.ts";

/** Storage in memory. It may be opened again after it was closed, and holds what it held. */
export class MemoryStorage implements Storage {
  readonly promise: string = "in memory: gone with the process";
  readonly changelog: MemoryChangelog = new MemoryChangelog();
  readonly cold: MemoryColdTable = new MemoryColdTable();
  readonly #materialiser: (cold: ColdTable) => Materialiser;

  constructor(materialiser: (cold: ColdTable) => Materialiser) {
    this.#materialiser = materialiser;
  }

  open(): Promise<OpenStorage> {
    const materialiser = this.#materialiser(this.cold);
    const { changelog, cold } = this;
    const queries = (): MemoryQueries => new MemoryQueries(cold);
    const close = (): Promise<void> => changelog.close();
    return Promise.resolve({ changelog, cold, materialiser, queries, close });
  }
}
