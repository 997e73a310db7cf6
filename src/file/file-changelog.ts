// The changelog of one partition in a folder of segments. One append at a time: write, sync,
// acknowledge; at most one frame is ever in doubt. The first error of a write or a sync ends it for
// good, only a full disk is a wait (R16). An idle tail is sealed, so that damage to its last batch
// can be told from a torn write. Keeps I12 together with repair.ts; the lock is the fence (I2).

import { join } from "node:path";
import { HoldfastError, isHoldfastError } from "../model/errors.ts";
import type { Batch, Changelog, ChangelogRange, StoredBatch } from "../ports/changelog.ts";
import type { Disk } from "./disk.ts";
import { replaceWhole } from "./disk.ts";
import { frameBytesMax, frameHeaderBytes } from "./frame.ts";
import type { ReadSource } from "./reader.ts";
import { readBatches, verifyDigest } from "./reader.ts";
import type { Recovered } from "./repair.ts";
import { failedName } from "./repair.ts";
import type { After } from "./room.ts";
import { RoomWatch } from "./room.ts";
import type { Segment } from "./segment.ts";
import { SpareSegment } from "./spare.ts";
import { indexNow } from "./survey.ts";
import { Tail } from "./tail.ts";
import { writeWitness } from "./witness.ts";

/** How long nothing must be appended before the tail is sealed. */
const idleMs = 100;
/** Segments whose index stays in memory; an older one is scanned again when somebody asks. */
const indexedMax = 4;
const noBytes = new Uint8Array(0);

export interface FileChangelogOptions {
  readonly disk: Disk;
  /** The data directory, for messages. */
  readonly directory: string;
  /** Where the segments lie. */
  readonly folder: string;
  readonly segmentBytes: number;
  readonly lowWaterBytes: number;
  readonly pollMs: number;
  readonly after: After;
  readonly random: (bytes: number) => Uint8Array;
  readonly onFatal: ((error: HoldfastError) => void) | undefined;
  /** Called once, when everything else is closed. */
  readonly onClosed: () => Promise<void>;
}

export class FileChangelog implements Changelog {
  readonly fence = "lock";
  readonly #options: FileChangelogOptions;
  readonly #room: RoomWatch;
  readonly #spare: SpareSegment;
  readonly #tail: Tail;
  readonly #segments: Segment[];
  readonly #source: ReadSource;
  readonly #clean: boolean;
  /** What lies behind the last batch: nothing, a seal, or the seal of an orderly end. */
  #mark: "none" | "seal" | "close";
  #appending: Promise<unknown> | undefined;
  #sealing: Promise<void> | undefined;
  #cancelIdle: (() => void) | undefined;
  /** Appends so far, and how many there were when the idle timer was set. */
  #appends = 0;
  #appendsSeen = 0;
  #failure: HoldfastError | undefined;
  /** An append gave up waiting for room: a part of its frame lies there, and nothing may follow. */
  #cutShort = false;
  #closed: Promise<void> | undefined;

  constructor(options: FileChangelogOptions, recovered: Recovered) {
    const { disk, directory, folder, after, random, lowWaterBytes, pollMs } = options;
    const { segmentBytes } = options;
    this.#options = options;
    this.#room = new RoomWatch({ disk, folder, after, lowWaterBytes, pollMs });
    const room = this.#room;
    const onFailure = (error: unknown): void => void this.#fail(error);
    this.#spare = new SpareSegment({ disk, folder, random, room, onFailure });
    if (recovered.spare !== undefined) this.#spare.adopt(recovered.spare);
    this.#tail = new Tail({ folder, segmentBytes, room, spare: this.#spare }, recovered);
    this.#segments = recovered.segments;
    const segments = (): readonly Segment[] => this.#segments;
    this.#source = { disk, directory, segments, check: () => this.#check() };
    this.#clean = recovered.clean;
    this.#mark = recovered.clean ? "close" : "seal";
  }

  get range(): ChangelogRange {
    const { last, epoch, chain } = this.#tail.segment;
    return { first: this.#segments[0]!.first, last, epoch, chain, clean: this.#clean };
  }

  get bytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.end, 0);
  }

  get onFull(): ((full: boolean) => void) | undefined {
    return this.#room.listener;
  }

  set onFull(listener: ((full: boolean) => void) | undefined) {
    this.#room.listener = listener;
  }

  append(batch: Batch): Promise<number> {
    const refusal = this.#refusal(batch);
    if (refusal !== undefined) return Promise.reject(refusal);
    const appending = this.#append(batch);
    this.#appending = appending;
    return appending;
  }

  async #append({ count, epoch, bytes }: Batch): Promise<number> {
    try {
      if (this.#sealing !== undefined) await this.#sealing;
      if (this.#failure !== undefined) throw this.#failure;
      if (!this.#tail.fits(bytes.length)) await this.#roll(bytes.length);
      const chain = await this.#tail.write("batch", count, epoch, bytes);
      // A spare that failed meanwhile has ended everything, this append included.
      if (this.#failure !== undefined) throw this.#failure;
      this.#mark = "none";
      this.#appends += 1;
      this.#watchIdle();
      return chain;
    } catch (error) {
      throw this.#fail(error);
    } finally {
      this.#appending = undefined;
    }
  }

  async #roll(bytes: number): Promise<void> {
    this.#segments.push(await this.#tail.roll(bytes));
    const old = this.#segments.at(-1 - indexedMax);
    if (old !== undefined) old.index = undefined;
  }

  read(position: number): AsyncIterable<StoredBatch> {
    return readBatches(this.#source, position);
  }

  chainAt(position: number): number | undefined {
    return chainAt(this.#options.disk, this.#segments, position);
  }

  async trim(position: number): Promise<void> {
    this.#check();
    const { disk, folder } = this.#options;
    try {
      // Oldest first, and each one durably: no crash may leave a gap. What is left must hold a
      // record, durably: an empty segment alone does not say where history stands.
      for (;;) {
        const [oldest, next] = this.#segments;
        if (next === undefined || oldest!.last > position || next.last < next.first) break;
        this.#segments.shift();
        await disk.unlink(oldest!.path);
        await disk.syncDirectory(folder);
      }
    } catch (error) {
      throw this.#fail(error);
    }
  }

  /** Reads the segments that were believed by their footer. Damage found is final. */
  async verify(): Promise<void> {
    for (const segment of [...this.#segments]) {
      if (this.#closed !== undefined || this.#failure !== undefined) return;
      if (segment.digest === undefined || segment.index !== undefined) continue;
      try {
        await verifyDigest(this.#source, segment);
      } catch (error) {
        if (this.#closed !== undefined) return;
        throw this.#fail(error);
      }
    }
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  async #close(): Promise<void> {
    // Whoever waits for room waits no longer; everything else under way ends by itself.
    this.#cancelIdle?.();
    this.#room.stop();
    await this.#appending?.catch(() => undefined);
    await this.#sealing;
    await this.#spare.stop();
    try {
      if (this.#failure === undefined) await this.#endInOrder();
    } catch (error) {
      throw this.#fail(error);
    } finally {
      await this.#tail.close().catch(() => undefined);
      await this.#options.onClosed();
    }
  }

  async #endInOrder(): Promise<void> {
    if (this.#mark === "close" || this.#cutShort) return;
    const { last, chain, epoch } = this.#tail.segment;
    await this.#tail.write("close", 0, epoch, noBytes);
    await writeWitness(this.#options.disk, this.#options.folder, { position: last, chain });
  }

  /** One timer for any number of appends: when it fires, it looks whether there were more. */
  #watchIdle(): void {
    if (this.#cancelIdle !== undefined || this.#closed !== undefined) return;
    this.#appendsSeen = this.#appends;
    this.#cancelIdle = this.#options.after(idleMs, () => {
      this.#cancelIdle = undefined;
      if (this.#closed !== undefined || this.#failure !== undefined) return;
      if (this.#appending !== undefined || this.#appends !== this.#appendsSeen) {
        this.#watchIdle();
        return;
      }
      this.#sealing = this.#seal();
    });
  }

  /** An append that comes meanwhile waits for it. */
  async #seal(): Promise<void> {
    try {
      await this.#tail.write("seal", 0, this.#tail.segment.epoch, noBytes);
      this.#mark = "seal";
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#sealing = undefined;
    }
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#closed !== undefined) throw new HoldfastError("CHANGELOG_CLOSED");
  }

  #refusal(batch: Batch): Error | undefined {
    if (this.#failure !== undefined) return this.#failure;
    if (this.#closed !== undefined) return new HoldfastError("CHANGELOG_CLOSED");
    if (this.#appending !== undefined) return new TypeError("append: one is under way");
    const { last, epoch } = this.#tail.segment;
    if (batch.first !== last + 1) {
      return new TypeError(`append: batch begins at ${batch.first}, the tail is at ${last}`);
    }
    if (!Number.isInteger(batch.count) || batch.count < 1 || batch.count > 0xffff_ffff) {
      return new TypeError(`append: a batch of ${batch.count} records`);
    }
    if (!Number.isSafeInteger(batch.epoch) || batch.epoch < epoch) {
      return new TypeError(`append: epoch ${batch.epoch} after epoch ${epoch}`);
    }
    if (batch.bytes.length > frameBytesMax - frameHeaderBytes) {
      return new TypeError(`append: a batch of ${batch.bytes.length} bytes`);
    }
    return undefined;
  }

  /** The first failure is the one everybody is told, now and later. */
  #fail(error: unknown): HoldfastError {
    if (this.#failure !== undefined) return this.#failure;
    if (isHoldfastError(error, "CHANGELOG_CLOSED")) {
      this.#cutShort = true;
      return error;
    }
    const failure = isHoldfastError(error) ? error : failed(this.#options.folder, error);
    this.#failure = failure;
    this.#cancelIdle?.();
    this.#room.stop();
    void this.#leaveNote(failure);
    this.#options.onFatal?.(failure);
    return failure;
  }

  /** As far as that still works: the next open must not trust what it reads (facts of R16). */
  async #leaveNote(failure: HoldfastError): Promise<void> {
    const { disk, folder } = this.#options;
    const note = Buffer.from(`${failure.message}\n`);
    await replaceWhole(disk, join(folder, failedName), note).catch(() => undefined);
  }
}

function failed(folder: string, cause: unknown): HoldfastError {
  const text = cause instanceof Error ? cause.message : String(cause);
  return new HoldfastError("CHANGELOG_FAILED", {
    happened:
      `The disk failed under the changelog in ${folder}: ${text}. Whether the last append ` +
      `is durable is unknown.`,
    data: { folder },
    cause,
  });
}

/** Chain at the end of a batch among `segments`, or right before the oldest of them. */
export function chainAt(
  disk: Disk,
  segments: readonly Segment[],
  position: number,
): number | undefined {
  const oldest = segments[0];
  if (oldest === undefined) return position === 0 ? 0 : undefined;
  if (position === oldest.first - 1) return oldest.previous;
  const segment = segments.find((each) => each.last >= position && position >= each.first);
  if (segment === undefined) return undefined;
  if (position === segment.last) return segment.chain;
  return (segment.index ?? indexNow(disk, segment)).chainAt(position);
}
