// What the floors lean on: the changelog and the codec without an engine, from their sources, and the
// records that an engine wrote for one request.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Engine, type EngineOptions } from "holdfast";
import { batchBytes, recordLine, recordsOf } from "../src/codec/record.ts";
import { openFileChangelog } from "../src/file/changelog.ts";
import type { LogRecord } from "../src/model/change.ts";
import type { Changelog } from "../src/ports/changelog.ts";

export { batchBytes, openFileChangelog, recordLine };

/** A request as an engine makes it durable: what its step waits for, and the rest. */
export interface Commits {
  readonly beforeStep: readonly LogRecord[];
  readonly afterStep: readonly LogRecord[];
}

/** Asks one thing, alone, of an engine with one step in its handler, and reads what it wrote. */
export async function commitsOf(
  services: EngineOptions["services"],
  ask: (engine: Engine) => Promise<unknown>,
): Promise<Commits> {
  const directory = mkdtempSync(join(tmpdir(), "bench-commits-"));
  try {
    const engine = await Engine.open({ services, data: directory });
    // The first request's first batch also holds what begins an epoch.
    await ask(engine);
    await ask(engine);
    await engine.close();
    const changelog = await openFileChangelog({ directory, readOnly: true });
    const batches: LogRecord[][] = [];
    for await (const batch of changelog.read(1)) batches.push(recordsOf(batch.bytes, batch.first));
    await changelog.close();
    const [beforeStep, afterStep] = batches.slice(-2);
    if (batches.length !== 4 || beforeStep === undefined || afterStep === undefined) {
      throw new Error(`two requests of one step each took ${batches.length} commits, not 4`);
    }
    return { beforeStep, afterStep };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Group commit over a changelog, and nothing else: what was appended during one is the next. */
export class Group {
  readonly #changelog: Changelog;
  #lines: string[] = [];
  #waiting: (() => void)[] = [];
  #committing: Promise<void> | undefined;

  constructor(changelog: Changelog) {
    this.#changelog = changelog;
  }

  /** Encodes the records, and resolves once they are durable. */
  commit(records: readonly LogRecord[]): Promise<void> {
    for (const { time, changes } of records) this.#lines.push(recordLine(time, changes));
    this.#committing ??= this.#run();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  async #run(): Promise<void> {
    while (this.#lines.length > 0) {
      // What others have to say in this turn of the loop comes along.
      await new Promise((resolve) => setImmediate(resolve));
      const [lines, waiting] = [this.#lines, this.#waiting];
      this.#lines = [];
      this.#waiting = [];
      await appendTo(this.#changelog, batchBytes(lines), lines.length);
      for (const then of waiting) then();
      await Promise.resolve();
    }
    this.#committing = undefined;
  }
}

export function appendTo(changelog: Changelog, bytes: Uint8Array, count: number): Promise<number> {
  return changelog.append({ first: changelog.range.last + 1, count, epoch: 1, bytes });
}
