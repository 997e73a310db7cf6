// What the engine takes from where it runs. Two implementations stand behind the package's import
// `#platform`: Node's, and one without Node for browsers and edge runtimes.
import type { Clock } from "./ports/clock.ts";
import type { Storage } from "./ports/storage.ts";

export interface FileStorageOptions {
  readonly directory: string;
  readonly allowRemote: boolean;
}

export interface Platform {
  readonly clock: Clock;
  randomBytes(length: number): Uint8Array;
  /** Code run with an owner keeps it across awaits; undefined where the platform cannot (R7). */
  readonly context: { run<T>(owner: object, code: () => T): T; owner(): object | undefined };
  /** Told of promises that were rejected and not handled; answers whether they were an owner's. */
  onUnhandledRejection(handle: (owner: object, error: unknown) => void): () => void;
  /** Keeps the process running, where one would end by itself, until what it answers is called. */
  keepAlive(): () => void;
  fileStorage(options: FileStorageOptions): Storage;
  /** The same directory under one name; the text itself where there are no files. */
  canonicalPath(path: string): string;
  warn(line: string): void;
}
