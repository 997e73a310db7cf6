// Whether there is room on the disk, and who waits for it. A full disk is a wait, never a failure
// (R16): writers ask again after a pause, and the low-water mark stops admission while what is
// already accepted can still be written (R13). It knows nothing of segments.

import type { Disk } from "./disk.ts";

// As they were when this was loaded: a test's fake timers do not stop them.
const { setTimeout, clearTimeout } = globalThis;

/** Runs `run` once after `ms`, without keeping the process alive; answers how to cancel it. */
export type After = (ms: number, run: () => void) => () => void;

export const afterUnref: After = (ms, run) => {
  const timer = setTimeout(run, ms);
  timer.unref();
  return () => clearTimeout(timer);
};

/** How long a writer that found the disk full waits before it writes the same bytes again. */
const retryMs = 250;

export interface RoomOptions {
  readonly disk: Disk;
  readonly folder: string;
  readonly after: After;
  /** Fewer free bytes than this count as full; 0 switches the watch off. */
  readonly lowWaterBytes: number;
  readonly pollMs: number;
}

export class RoomWatch {
  readonly #options: RoomOptions;
  #waiting = 0;
  #low = false;
  #told = false;
  #stopped = false;
  #cancelPoll: (() => void) | undefined;
  readonly #waits = new Set<() => void>();
  #listener: ((full: boolean) => void) | undefined;

  constructor(options: RoomOptions) {
    this.#options = options;
    if (options.lowWaterBytes > 0) void this.#poll();
  }

  get listener(): ((full: boolean) => void) | undefined {
    return this.#listener;
  }

  /** Whoever comes late to a full disk is told at once. */
  set listener(listener: ((full: boolean) => void) | undefined) {
    this.#listener = listener;
    if (this.#told) listener?.(true);
  }

  /** Waits a while after a write found no room. False when nobody will write any more. */
  async wait(): Promise<boolean> {
    if (this.#stopped) return false;
    this.#waiting += 1;
    this.#tell();
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        cancel();
        this.#waits.delete(wake);
        resolve();
      };
      const cancel = this.#options.after(retryMs, wake);
      this.#waits.add(wake);
    });
    this.#waiting -= 1;
    return !this.#stopped;
  }

  /** To be called after a write that had waited went through. */
  settled(): void {
    this.#tell();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelPoll?.();
    for (const wake of [...this.#waits]) wake();
  }

  async #poll(): Promise<void> {
    const { disk, folder, lowWaterBytes, pollMs, after } = this.#options;
    // A file system that cannot be asked is not full: writes will tell.
    const room = await disk.room(folder).catch(() => undefined);
    if (this.#stopped) return;
    this.#low = room !== undefined && room.free < lowWaterBytes;
    this.#tell();
    this.#cancelPoll = after(pollMs, () => void this.#poll());
  }

  #tell(): void {
    const full = this.#low || this.#waiting > 0;
    if (full === this.#told || this.#stopped) return;
    this.#told = full;
    this.#listener?.(full);
  }
}
