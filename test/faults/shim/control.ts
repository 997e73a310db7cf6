// Compiles shim.c, and is the other end of the words it reads: which call fails, and what the wall
// clock shows. Linux with gcc only; elsewhere the tests that need it say so, loudly.
import { execFileSync, spawnSync } from "node:child_process";
import { closeSync, existsSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const calls = { write: 1, sync: 2, rename: 3, open: 4 } as const;
export const scopes = { everything: 0, changelog: 1, table: 2 } as const;
export type CallKind = keyof typeof calls;
export type Scope = keyof typeof scopes;
export type FaultCode = "EIO" | "ENOSPC" | "EROFS" | "EMFILE";

export interface Fault {
  readonly call: CallKind;
  /** Which one of its kind fails, from 1, counted since the control was made. */
  readonly nth: number;
  readonly code: FaultCode;
  /** Whether all later ones fail too. */
  readonly forGood: boolean;
  readonly scope: Scope;
}

const word = { kind: 0, counts: 5, fired: 10, clockNs: 11, frozenNs: 12 } as const;
const words = 13;

/** Undefined where there is no shim, with a line that says what is not run. */
export function compileShim(what: string): Shim | undefined {
  const source = fileURLToPath(new URL("shim.c", import.meta.url));
  const linux = process.platform === "linux" && process.arch === "x64";
  if (!linux || spawnSync("gcc", ["--version"]).status !== 0) {
    process.stdout.write(`${what}: NOT RUN: needs Linux on x64 with gcc\n`);
    return undefined;
  }
  const folder = mkdtempSync(join(tmpdir(), "holdfast-shim-"));
  const path = join(folder, "shim.so");
  execFileSync("gcc", ["-O1", "-Wall", "-shared", "-fPIC", "-o", path, source, "-lpthread"]);
  return { path, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

export interface Shim {
  readonly path: string;
  remove(): void;
}

/** One process's words. `folder` exists, and is not the directory whose calls may fail. */
export class Control {
  /** What the shim and the process have noted, line by line, in the order it happened. */
  readonly log: string;
  readonly env: Readonly<Record<string, string>>;
  readonly #fd: number;

  constructor(shim: Shim, folder: string, directory: string) {
    const path = join(folder, "control");
    if (existsSync(path)) rmSync(path);
    this.#fd = openSync(path, "w+");
    writeSync(this.#fd, new Uint8Array(words * 8));
    this.log = join(folder, "log");
    this.env = {
      LD_PRELOAD: shim.path,
      SHIM_DIRECTORY: directory,
      SHIM_CONTROL: path,
      SHIM_LOG: this.log,
      UV_USE_IO_URING: "0",
    };
  }

  arm({ call, nth, code, forGood, scope }: Fault): void {
    // The kind last: with it, the others hold.
    const error = constants.errno[code];
    const order = [nth, error, Number(forGood), scopes[scope]];
    for (const [i, value] of order.entries()) this.#set(word.kind + 1 + i, BigInt(value));
    this.#set(word.kind, BigInt(calls[call]));
  }

  disarm(): void {
    this.#set(word.kind, 0n);
  }

  /** How often calls have failed. */
  get fired(): number {
    return Number(this.#get(word.fired));
  }

  /** How many calls of this kind there were. */
  count(call: CallKind): number {
    return Number(this.#get(word.counts + calls[call]));
  }

  /** What the wall clock is ahead of the right one. */
  set clockMs(ms: number) {
    this.#set(word.clockNs, BigInt(ms) * 1_000_000n);
  }

  /** Stands still at this time; undefined: goes again. */
  set frozenAt(ms: number | undefined) {
    this.#set(word.frozenNs, BigInt(ms ?? 0) * 1_000_000n);
  }

  close(): void {
    closeSync(this.#fd);
  }

  #set(at: number, value: bigint): void {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(value);
    writeSync(this.#fd, bytes, 0, 8, at * 8);
  }

  #get(at: number): bigint {
    const bytes = Buffer.alloc(8);
    readSync(this.#fd, bytes, 0, 8, at * 8);
    return bytes.readBigInt64LE();
  }
}
