// What the engine and the materialiser's thread, or process, say to each other: bytes and positions, never rows.

export interface ThreadSetup {
  /** The cold table's file; undefined for a thread of many tables, each of which is opened to it. */
  readonly path: string | undefined;
  /** Two cells: asked to stop (by the host), inside a statement (by the thread). */
  readonly guard: SharedArrayBuffer;
}

export type ToThread =
  | {
      readonly kind: "batch";
      readonly first: number;
      readonly count: number;
      readonly epoch: number;
      readonly chain: number;
      readonly bytes: Uint8Array;
    }
  /** Answer when everything given before is folded. */
  | { readonly kind: "drain"; readonly ticket: number }
  /** Copy the table as it is to this path, then answer. */
  | { readonly kind: "copy"; readonly ticket: number; readonly to: string }
  | { readonly kind: "close"; readonly ticket: number };

/** What is said of one of many tables: its file, once, and then everything else. */
export interface ToTable {
  readonly table: number;
  readonly message: ToThread | { readonly kind: "open"; readonly path: string };
}

export interface FromTable {
  readonly table: number;
  readonly message: FromThread;
}

export type FromThread =
  | { readonly kind: "folded"; readonly position: number; readonly bytes: number }
  | { readonly kind: "done"; readonly ticket: number; readonly position: number }
  | {
      readonly kind: "failed";
      readonly ticket: number | undefined;
      readonly code: string | undefined;
      readonly message: string;
    };

/** Told to a thread when all its tables are closed: it ends when nothing is under way any more. */
export const endOfThread = "end";

/** In the data directory: locked by a process that folds, as long as it lives. */
export const foldingFolder = "folding";

/** Cells of the guard. */
export const guardStop = 0;
export const guardBusy = 1;
