// The few calls we need of a SQLite library, and the only place that loads one: the library built
// into Node where it needs no flag and is new enough, else `@photostructure/sqlite`, which has the
// same calls. It is loaded when the first table is opened, not before, and synchronously. Rows come
// as arrays, in the order of the columns asked for: an object per row costs a third more.
import { closeSync, openSync } from "node:fs";
import { createRequire } from "node:module";

import { HoldfastError } from "../model/errors.ts";

export type SqlValue = string | number | null;
export type SqlRow = readonly SqlValue[];

/** Prepared once and kept: preparing again costs time and, until collected, memory. */
export interface Statement {
  run(...values: SqlValue[]): unknown;
  get(...values: SqlValue[]): SqlRow | undefined;
  all(...values: SqlValue[]): SqlRow[];
}

export interface Connection {
  exec(sql: string): void;
  prepare(sql: string): Statement;
  /** Copies what this connection sees to a new file, on a thread of its own. */
  backup(to: string): Promise<unknown>;
  close(): void;
}

interface LibraryStatement extends Statement {
  setReturnArrays(arrays: boolean): void;
}

interface LibraryDatabase {
  exec(sql: string): void;
  function(
    name: string,
    options: { readonly deterministic: boolean },
    code: (...values: SqlValue[]) => SqlValue,
  ): void;
  prepare(sql: string): LibraryStatement;
  close(): void;
}

interface Library {
  readonly DatabaseSync: new (
    path: string,
    options: { readonly readOnly: boolean },
  ) => LibraryDatabase;
  readonly backup: (
    source: LibraryDatabase,
    to: string,
    options: { readonly rate: number },
  ) => Promise<number>;
}

/** Below it a table with two connections can be corrupted when its write-ahead log restarts. */
export const sqliteVersionMin = "3.51.3";
/** The first Node with SQLite built in that needs no flag. */
const nodeVersionMin = "22.13.0";

/** Pages copied between two looks at whether the thread is to end: 4 MiB, a few milliseconds. */
const backupPages = 512;

let library: Library | undefined;

/** Told before and after each call into the library. */
export interface CallGuard {
  enter(): void;
  leave(): void;
}

let guard: CallGuard | undefined;

/**
 * Watches every call into the library on this thread, of connections opened from now on: a process
 * must not end while another thread of it is inside one, which `@photostructure/sqlite` answers by
 * aborting the process.
 */
export function guardCalls(by: CallGuard): void {
  guard = by;
}

function guarded<A extends readonly unknown[], R>(
  by: CallGuard,
  call: (...values: A) => R,
): (...values: A) => R {
  return (...values) => {
    by.enter();
    try {
      return call(...values);
    } finally {
      by.leave();
    }
  };
}

/** Spelled out: handing the values on once more costs as much as a small write. */
class GuardedStatement implements Statement {
  readonly #by: CallGuard;
  readonly #statement: Statement;

  constructor(by: CallGuard, statement: Statement) {
    this.#by = by;
    this.#statement = statement;
  }

  run(...values: SqlValue[]): unknown {
    this.#by.enter();
    try {
      return this.#statement.run(...values);
    } finally {
      this.#by.leave();
    }
  }

  get(...values: SqlValue[]): SqlRow | undefined {
    this.#by.enter();
    try {
      return this.#statement.get(...values);
    } finally {
      this.#by.leave();
    }
  }

  all(...values: SqlValue[]): SqlRow[] {
    this.#by.enter();
    try {
      return this.#statement.all(...values);
    } finally {
      this.#by.leave();
    }
  }
}

function guardedConnection(by: CallGuard, connection: Connection): Connection {
  return {
    exec: guarded(by, connection.exec),
    prepare: guarded(by, (sql: string) => new GuardedStatement(by, connection.prepare(sql))),
    // On a thread of the library's own, which it ends in order.
    backup: connection.backup,
    close: guarded(by, connection.close),
  };
}

/**
 * Opens a database file.
 *
 * @throws HoldfastError `SQLITE_UNAVAILABLE` or `PACKAGE_BUNDLED` when no library loads;
 * `TABLE_DAMAGED` when the file cannot be opened.
 */
export function openConnection(path: string, options: { readonly readOnly: boolean }): Connection {
  const { DatabaseSync, backup } = (library ??= loadLibrary(import.meta.url));
  try {
    const database = new DatabaseSync(path, options);
    const connection: Connection = {
      exec: (sql) => database.exec(sql),
      prepare: (sql) => {
        const statement = database.prepare(sql);
        statement.setReturnArrays(true);
        // What the library's `run` answers is read by nobody, and making it is a fifth of a write.
        return Object.defineProperty(statement, "run", { value: statement.get });
      },
      backup: (to) => backup(database, to, { rate: backupPages }),
      close: () => database.close(),
    };
    return guard === undefined ? connection : guardedConnection(guard, connection);
  } catch (error) {
    throw tableFault(error, path);
  }
}

/** A connection that only reads, whose rows have names: for questions that people ask. */
export interface NamedConnection {
  exec(sql: string): void;
  function(name: string, code: (...values: SqlValue[]) => SqlValue): void;
  all(sql: string): Readonly<Record<string, SqlValue>>[];
  close(): void;
}

export function openNamedConnection(path: string): NamedConnection {
  const { DatabaseSync } = (library ??= loadLibrary(import.meta.url));
  try {
    const database = new DatabaseSync(path, { readOnly: true });
    return {
      exec: (sql) => database.exec(sql),
      function: (name, code) => database.function(name, { deterministic: true }, code),
      all: (sql) => database.prepare(sql).all() as unknown as Record<string, SqlValue>[],
      close: () => database.close(),
    };
  } catch (error) {
    throw tableFault(error, path);
  }
}

/**
 * Creates a file that only its owner reads; SQLite gives its files beside it the same mode. A file
 * that exists is not touched: closing it would drop SQLite's locks on it (see copy.ts).
 */
export function createPrivately(path: string): void {
  try {
    closeSync(openSync(path, "wx", 0o600));
  } catch {
    // It exists, or cannot be: then SQLite says so with more to tell.
  }
}

/** Loads a library as the module at `url` would. Apart from tests, called once per thread. */
export function loadLibrary(
  url: string | undefined,
  versions: { readonly node: string; readonly sqlite?: string | undefined } = process.versions,
): Library {
  try {
    // A bundle in CommonJS has no URL, and this throws.
    const require = createRequire(String(url));
    const loaded: unknown = builtInFits(versions)
      ? quietly(() => require("node:sqlite") as unknown)
      : (require("@photostructure/sqlite") as unknown);
    if (isLibrary(loaded)) return loaded;
    throw new TypeError("The module has no DatabaseSync or no backup.");
  } catch (error) {
    throw loadFailure(error, url);
  }
}

/** Whether the library built into Node can be used. */
export function builtInFits(versions: {
  readonly node: string;
  readonly sqlite?: string | undefined;
}): boolean {
  if (versions.sqlite === undefined) return false;
  return atLeast(versions.node, nodeVersionMin) && atLeast(versions.sqlite, sqliteVersionMin);
}

function atLeast(version: string, least: string): boolean {
  const have = version.split(".").map((part) => Number.parseInt(part, 10));
  for (const [i, part] of least.split(".").map(Number).entries()) {
    if ((have[i] ?? 0) !== part) return (have[i] ?? 0) > part;
  }
  return true;
}

/** Node 22 calls its SQLite experimental on standard error; nobody who runs an engine can act. */
function quietly<T>(load: () => T): T {
  const { emitWarning } = process;
  process.emitWarning = (...args: unknown[]): void => {
    if (String(args[0]).startsWith("SQLite is an experimental feature")) return;
    Reflect.apply(emitWarning, process, args);
  };
  try {
    return load();
  } finally {
    process.emitWarning = emitWarning;
  }
}

function isLibrary(value: unknown): value is Library {
  if (typeof value !== "object" || value === null) return false;
  return "DatabaseSync" in value && "backup" in value;
}

/** What to do about a bundle; also where other files of the package are missed. */
export const keepExternal: string =
  'Keep the package external: `serverExternalPackages: ["holdfast"]` in next.config, ' +
  '`ssr.external: ["holdfast"]` for Vite, `external: ["holdfast"]` for esbuild.';

/** Why no library loads: because this file was moved by a bundler, or because there is none. */
export function loadFailure(cause: unknown, url: string | undefined): HoldfastError {
  const reason = cause instanceof Error ? (cause.message.split("\n")[0] ?? "") : String(cause);
  const data = { platform: process.platform, arch: process.arch, node: process.version };
  if (looksBundled(url)) {
    return new HoldfastError("PACKAGE_BUNDLED", {
      happened: `Holdfast was bundled, so its SQLite library is not found (${reason}).`,
      fix: keepExternal,
      data,
      cause,
    });
  }
  return new HoldfastError("SQLITE_UNAVAILABLE", {
    happened: `No SQLite library could be loaded on ${data.platform}-${data.arch} (${reason}).`,
    data,
    cause,
  });
}

/** Whether this module lies where neither the package nor the repository has it. */
function looksBundled(url: string | undefined): boolean {
  return url === undefined || !/\/(?:src\/sqlite\/driver\.ts|dist\/lib\/chunk-\w+\.js)$/.test(url);
}

/** Primary result codes of SQLite (https://sqlite.org/rescode.html) that are no damage. */
const busy = 5;
const locked = 6;
const full = 13;
const recoveryLocks = 15;

/**
 * An error of SQLite as ours: `TABLE_LOCKED` when another program holds a lock, `DISK_FULL`, and
 * `TABLE_DAMAGED` for everything else the file or the disk may do. What is not SQLite's is a bug or
 * already ours, and is handed back as it is.
 */
export function tableFault(error: unknown, path: string): unknown {
  if (error instanceof SyntaxError) return damaged(path, `holds a row that does not read`, error);
  if (!(error instanceof Error) || !("errcode" in error)) return error;
  const code = Number(error.errcode);
  const data = { path, sqlite: code };
  switch (code & 0xff) {
    case busy:
    case locked:
    case recoveryLocks:
      return new HoldfastError("TABLE_LOCKED", {
        happened: `Another program holds a lock on the table ${path}.`,
        data,
        cause: error,
      });
    case full:
      return new HoldfastError("DISK_FULL", { data, cause: error });
    default:
      return damaged(path, `failed (SQLite ${String(code)}: ${error.message})`, error);
  }
}

/** The caller discards the table and rebuilds it from copy and changelog (R15). */
export function damaged(path: string, how: string, cause?: unknown): HoldfastError {
  return new HoldfastError("TABLE_DAMAGED", {
    happened: `The table ${path} ${how}.`,
    data: { path },
    cause,
  });
}
