// Whether requests from outside are let in. While folding lags they wait; while the disk is full
// they are refused with a code. What the system already promised goes on (R13).
import { HoldfastError } from "../model/errors.ts";
import type { Report } from "./events.ts";

export class Admission {
  readonly #report: Report;
  readonly #stopped = new Set<"disk" | "lag">();
  #waiting: { resolve(): void; reject(error: unknown): void }[] = [];
  #failed: HoldfastError | undefined;

  constructor(report: Report) {
    this.#report = report;
  }

  get stopped(): boolean {
    return this.#stopped.size > 0;
  }

  set(why: "disk" | "lag", stopped: boolean): void {
    if (this.#stopped.has(why) === stopped) return;
    if (stopped) this.#stopped.add(why);
    else this.#stopped.delete(why);
    this.#report({ kind: "admission", stopped, why });
    if (this.stopped) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { resolve } of waiting) resolve();
  }

  wait(): Promise<void> {
    if (this.#failed !== undefined) return Promise.reject(this.#failed);
    if (this.#stopped.has("disk")) return Promise.reject(new HoldfastError("DISK_FULL"));
    if (!this.stopped) return Promise.resolve();
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  fail(error: HoldfastError): void {
    this.#failed = error;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { reject } of waiting) reject(error);
  }
}
