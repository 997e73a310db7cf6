// What the tests of a cold table are given: the caller's runner, and a table per test.
import type { ColdChanges, ColdRead, ColdTable } from "../../ports/cold-table.ts";

export interface ColdTableUnderTest {
  readonly table: ColdTable;
  /** Closes the table and opens it again with what it holds. Asked only where supported. */
  reopen(): ColdTable;
  /** A second reader of the same table. Asked only where supported. */
  reader(): ColdRead;
}

export interface ColdTableConformance {
  readonly test: (name: string, body: () => void) => void;
  readonly expect: (value: unknown) => {
    toEqual(expected: unknown): void;
    toBe(expected: unknown): void;
    toBeUndefined(): void;
  };
  /** A new, empty table for one test; the adapter's test cleans up after it. */
  readonly open: () => ColdTableUnderTest;
  readonly supports: {
    /** What was written is there when the table is opened again. */
    readonly reopen: boolean;
    /** Other connections read while one writes. */
    readonly reader: boolean;
  };
}

export type Suite = ColdTableConformance & {
  /** A test on a table of its own, with a short way to write. */
  readonly on: (
    name: string,
    body: (table: ColdTable, write: (fields: Partial<ColdChanges>) => void) => void,
  ) => void;
};
