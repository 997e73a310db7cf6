// Storage in memory whose owner can be made to die: nothing it still asks for happens, and what was
// durable by then is found by the next one, which is told that the end was not clean.
import { Folding } from "../engine/folding.ts";
import { MemoryChangelog } from "../local/memory-changelog.ts";
import { MemoryColdTable } from "../local/memory-cold-table.ts";
import { MemoryQueries } from "../local/memory-queries.ts";
import type { Batch, Changelog, ChangelogRange, StoredBatch } from "../ports/changelog.ts";
import type { Clock } from "../ports/clock.ts";
import type { OpenStorage, Storage } from "../ports/storage.ts";

export class CrashingStorage implements Storage {
  readonly promise: string = "in memory, for tests";
  readonly changelog: MemoryChangelog = new MemoryChangelog();
  readonly cold: MemoryColdTable = new MemoryColdTable();
  readonly #stretchBytes: number;
  #owner: Owned | undefined;
  #clock: Clock | undefined;
  #commits = 0;
  #commitsMax = Number.POSITIVE_INFINITY;
  #dies: Death | undefined;
  #clean = true;

  constructor(stretchBytes: number) {
    this.#stretchBytes = stretchBytes;
  }

  /** Group commits that became durable. */
  get commits(): number {
    return this.#commits;
  }

  /** Lets no commit after this one become durable until the owner has died. */
  freezeAfter(commits: number): void {
    this.#commitsMax = commits;
  }

  /** Has the owner die at a commit; whoever runs it is told, and ends it. */
  dieAt(death: Death): void {
    this.#dies = death;
  }

  /** For the next owner: its clock dies with it. */
  use(clock: Clock): void {
    this.#clock = clock;
  }

  open(): Promise<OpenStorage> {
    const clock = this.#clock as Clock;
    const { cold } = this;
    this.changelog.reopen(this.#clean);
    this.#clean = false;
    const owned = new Owned(this.changelog, {
      mayAppend: () => this.#commits < this.#commitsMax && !this.#diesNow("before"),
      appended: () => {
        this.#commits++;
        return !this.#diesNow("after");
      },
      closed: () => {
        this.#clean = true;
      },
    });
    this.#owner = owned;
    const materialiser = new Folding({ cold, clock, stretchBytes: this.#stretchBytes });
    const close = async (): Promise<void> => {
      await materialiser.close();
      await owned.close();
    };
    const queries = (): MemoryQueries => new MemoryQueries(cold);
    return Promise.resolve({ changelog: owned, cold, materialiser, queries, close });
  }

  #diesNow(when: Death["when"]): boolean {
    const death = this.#dies;
    const commit = when === "before" ? this.#commits + 1 : this.#commits;
    if (death === undefined || death.when !== when || death.commit !== commit) return false;
    this.#dies = undefined;
    this.#owner?.die();
    death.then();
    return true;
  }

  /** The owner is gone from now on. */
  crash(): void {
    this.#owner?.die();
    this.#commitsMax = Number.POSITIVE_INFINITY;
  }
}

/** Where an owner dies: when a commit is asked for, or when it is durable and nobody knows yet. */
export interface Death {
  /** From 1, since the first opening. */
  readonly commit: number;
  readonly when: "before" | "after";
  then(): void;
}

interface Told {
  mayAppend(): boolean;
  /** False when nobody may learn of it. */
  appended(): boolean;
  closed(): void;
}

/** A changelog as one owner has it, until it dies. */
class Owned implements Changelog {
  readonly fence = "lock";
  readonly #changelog: MemoryChangelog;
  readonly #told: Told;
  #dead = false;
  onFull: ((full: boolean) => void) | undefined;

  constructor(changelog: MemoryChangelog, told: Told) {
    this.#changelog = changelog;
    this.#told = told;
  }

  get range(): ChangelogRange {
    return this.#changelog.range;
  }

  get bytes(): number {
    return this.#changelog.bytes;
  }

  async append(batch: Batch): Promise<number> {
    if (this.#dead || !this.#told.mayAppend()) return never();
    const chain = await this.#changelog.append(batch);
    const mayTell = this.#told.appended();
    return this.#dead || !mayTell ? never() : chain;
  }

  read(position: number): AsyncIterable<StoredBatch> {
    return this.#changelog.read(position);
  }

  chainAt(position: number): number | undefined {
    return this.#changelog.chainAt(position);
  }

  async trim(position: number): Promise<void> {
    if (!this.#dead) await this.#changelog.trim(position);
  }

  async close(): Promise<void> {
    if (this.#dead) return;
    await this.#changelog.close();
    this.#told.closed();
  }

  die(): void {
    this.#dead = true;
  }
}

function never<T>(): Promise<T> {
  return new Promise<T>(() => {});
}
