import { expect, test } from "vitest";
import { given, invoke } from "../../test/support/given.ts";
import { MemoryChangelog } from "../local/memory-changelog.ts";
import { MemoryColdTable } from "../local/memory-cold-table.ts";
import { HoldfastError } from "../model/errors.ts";
import type { OpenStorage } from "../ports/storage.ts";
import { Folding } from "./folding.ts";
import { recover } from "./recovery.ts";

const tables = { keepRows: 10, timerHorizonMs: 0, timerPageMax: 10, track: false };

test("I11: a fold that fails while the changelog is read again ends the recovery", async () => {
  const changelog = new MemoryChangelog();
  const { leader } = given([invoke("Cart/k/hold"), invoke("Service/plain")]);
  for (const first of [1, 2]) await changelog.append(leader.batch(first, 1));
  const cold = new MemoryColdTable();
  cold.write = () => {
    throw new HoldfastError("TABLE_DAMAGED");
  };
  // In the midst of it, as a thread tells it.
  const clock = { nextTurn: (then: () => void) => queueMicrotask(then) };
  const materialiser = new Folding({ cold, clock, stretchBytes: 0 });
  const storage: OpenStorage = { changelog, cold, materialiser, close: () => Promise.resolve() };
  await expect(recover(storage, tables)).rejects.toMatchObject({ code: "TABLE_DAMAGED" });
});
