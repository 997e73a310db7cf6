// What the engine takes from where it runs. Two implementations stand behind the package's import
// `#platform`: Node's, and one without Node for browsers and edge runtimes.
import type { OpenFileChangelogOptions } from "./file/changelog.ts";
import type { OpenTelemetry } from "./otel/api.ts";
import type { Clock } from "./ports/clock.ts";
import type { Storage } from "./ports/storage.ts";

/** Takes who has come through the socket of a data directory: a connection of the platform's. */
export type OnVisitor = NonNullable<OpenFileChangelogOptions["onVisitor"]>;

export interface FileStorageOptions {
  readonly directory: string;
  readonly allowRemote: boolean;
  /** Nobody but its owner may be able to enter it. Default false. */
  readonly exclusive?: boolean | undefined;
  readonly onVisitor?: OnVisitor | undefined;
}

/** Whose code runs: an attempt's, or that of a step's body. */
export interface Owner {
  readonly body: boolean;
  rejected(promise: object, error: unknown): void;
  handled(promise: object): void;
}

export interface Platform {
  readonly clock: Clock;
  randomBytes(length: number): Uint8Array;
  /** Code run with an owner keeps it across awaits; undefined where the platform cannot (R7). */
  readonly context: { run<T>(owner: Owner, code: () => T): T; owner(): Owner | undefined };
  /** Tells owners of promises their code made that were rejected and not handled, until called. */
  watchRejections(): () => void;
  /** The package of that name, where something is registered with it; undefined elsewhere. */
  opentelemetry?(): Promise<OpenTelemetry | undefined> | undefined;
  /** Keeps the process running, where one would end by itself, until what it answers is called. */
  keepAlive(): () => void;
  fileStorage(options: FileStorageOptions): Storage;
  /**
   * Serves visitors of the engine's directory; undefined where nobody can come so. `host` is an
   * EngineHost: the types of this interface are read from what was built, where classes are others.
   */
  visitors?(host: object, data: string): OnVisitor;
  /** The same directory under one name; the text itself where there are no files. */
  canonicalPath(path: string): string;
  /** What a program printed, as its console would show it. */
  format(args: readonly unknown[]): string;
  warn(line: string): void;
}
