import { expect, test } from "vitest";
import { ask, finish, given, invoke } from "../../test/support/given.ts";
import { batchBytes, recordLine } from "../codec/record.ts";
import { MemoryColdTable } from "../local/memory-cold-table.ts";
import { Folder } from "./materialiser.ts";

test("I4: a journal that is finished stays as it is when its invocation changes once more", () => {
  const { leader } = given([invoke("W/k/run"), ask(2, { kind: "get", name: "a" }), finish(2)]);
  const cold = new MemoryColdTable();
  const folder = new Folder(cold, { keepRows: 10 });
  const last = leader.position;
  folder.take(leader.batch(1, last));
  folder.write();
  const journal = cold.journal(2, 0);
  const line = recordLine(leader.time, [{ kind: "expired", n: 2 }]);
  folder.take({ first: last + 1, count: 1, epoch: 1, bytes: batchBytes([line]), chain: 9 });
  folder.write();
  expect(journal).toHaveLength(1);
  expect(cold.journal(2, 0)).toEqual(journal);
  expect(cold.invocation(2)?.expiry).toBe(leader.time);
});
