import { expect, test } from "vitest";

import { coldTableConformance } from "../testing/conformance/cold-table.ts";
import { MemoryColdTable } from "./memory-cold-table.ts";

coldTableConformance({
  test,
  expect,
  supports: { reopen: false, reader: false },
  open: () => {
    const table = new MemoryColdTable();
    return { table, reopen: () => table, reader: () => table };
  },
});
