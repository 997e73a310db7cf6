// What a storage holds → tables: the cold table as it is folded, and the changelog after that
// position. The materialiser is given the same batches, so that it goes on where the table ends.
import { recordsOf } from "../codec/record.ts";
import { HoldfastError } from "../model/errors.ts";
import { lagBytesMax } from "../model/limits.ts";
import { apply } from "../partition/apply.ts";
import { Tables, type TablesOptions } from "../partition/tables/tables.ts";
import type { OpenStorage } from "../ports/storage.ts";

export async function recover(storage: OpenStorage, options: TablesOptions): Promise<Tables> {
  const { changelog, cold, materialiser } = storage;
  const { range } = changelog;
  const folded = cold.position();
  check(folded, cold.chain(), changelog);
  const tables = new Tables(cold, options);
  let position = folded;
  // Nobody else listens yet, and a fold that failed must not be gone on from (I11).
  const failed: unknown[] = [];
  materialiser.onError = (error) => failed.push(error);
  for await (const batch of changelog.read(folded + 1)) {
    const records = recordsOf(batch.bytes, batch.first);
    for (let i = 0; i < records.length; i++) {
      if (batch.first + i <= position) continue;
      position++;
      const { time, changes } = records[i] as (typeof records)[number];
      for (const change of changes) apply(tables, change, { position, time });
    }
    materialiser.give(batch);
    if (materialiser.lagBytes > lagBytesMax) await materialiser.drain();
    tables.forget(materialiser.folded);
  }
  if (failed.length > 0) throw failed[0];
  if (position !== range.last) {
    throw new HoldfastError("CHANGELOG_DAMAGED", {
      message: `The changelog ends at ${position} and says it ends at ${range.last}.`,
      data: { position, last: range.last },
    });
  }
  return tables;
}

/** The table must be a fold of this changelog's own history (I11, I12). */
function check(folded: number, chain: number, changelog: OpenStorage["changelog"]): void {
  const { range } = changelog;
  const known = folded === 0 ? 0 : changelog.chainAt(folded);
  if (folded > range.last || folded + 1 < range.first || (known !== undefined && known !== chain)) {
    throw new HoldfastError("TABLE_DAMAGED", {
      message:
        `The cold table is folded up to ${folded} (chain ${chain}); the changelog holds ` +
        `${range.first} to ${range.last} (chain ${known ?? "unknown"} there). They are not of ` +
        "one history: restore both from one backup.",
      // A witness: never rebuilt over.
      data: { witness: true, folded, chain, known, first: range.first, last: range.last },
    });
  }
}
