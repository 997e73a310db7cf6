// What one partition's stream holds, seen where it is stored: every batch, whoever wrote it and
// whether anybody was told. Batches follow each other densely, epochs never go back, one life writes in
// an epoch (I2), messages of other partitions come once and in order (I7), and what a leader takes for
// acknowledged is there (O1).
import { recordsOf } from "../../src/codec/record.ts";
import { Folder } from "../../src/engine/materialiser.ts";
import { MemoryColdTable } from "../../src/local/memory-cold-table.ts";
import type { Change } from "../../src/model/change.ts";
import { type Place, placeOf, placeText } from "../../src/model/place.ts";
import { type Frame, frameHeader, frameOf } from "../../src/nats/frame.ts";
import type { Batch, Changelog, StoredBatch } from "../../src/ports/changelog.ts";
import { concatBytes } from "../../src/std/bytes.ts";
import { sometimesOf } from "../archive.ts";
import { around } from "../around.ts";
import { History } from "../history.ts";
import { never } from "../inode.ts";
import type { Owner, World } from "../world.ts";
import type { Stored } from "./told.ts";

/** What befell a changelog that no engine may go on over. */
export interface Loss {
  readonly kind: string;
  /** Positions behind this one are gone, or not to be trusted. */
  readonly behind: number;
  readonly at: number;
}

/** A life that writes, or believes it does. */
export interface Writer extends Owner {
  readonly name: string;
  /** When it began to open the changelog: what it read was as of then, or later. */
  readonly openedAt: number;
  /** It hears that it is none any more. */
  fenced(): void;
}

export class Truth {
  readonly place: Place;
  readonly batches: StoredBatch[] = [];
  /** All of it folded, as far as `fold` was asked for. */
  readonly table: MemoryColdTable = new MemoryColdTable();
  /** Who began each epoch. */
  readonly epochs: Map<number, string> = new Map();
  /** Numbers of the messages posted, by destination, and of those that came, by line. */
  readonly posted: Map<string, number> = new Map();
  readonly delivered: Map<string, number> = new Map();
  acknowledged = 0;
  loss: Loss | undefined;
  /** Somebody has gone on over it who could not know. */
  unseen = false;
  readonly #world: World;
  readonly #of: (place: string) => Truth | undefined;
  readonly #folder: Folder;
  readonly #history: History;
  #epoch = 0;
  #last = 0;
  #chain = 0;
  #open: { readonly frame: Frame; readonly parts: Uint8Array[] } | undefined;

  constructor(world: World, place: Place, of: (place: string) => Truth | undefined) {
    this.place = place;
    this.#world = world;
    this.#of = of;
    this.#folder = new Folder(this.table, { keepRows: 0 });
    this.#history = new History(world);
  }

  get text(): string {
    return placeText(this.place);
  }

  get last(): number {
    return this.#last;
  }

  /** The life that writes in the newest epoch. */
  get leader(): string | undefined {
    return this.epochs.get(this.#epoch);
  }

  fold(): MemoryColdTable {
    this.#folder.write();
    return this.table;
  }

  // ---- what is stored

  stored({ headers, data, writer, seq }: Stored): void {
    if (this.loss !== undefined) return;
    const world = this.#world;
    const frame = frameOf(headers[frameHeader] ?? "");
    if (frame === undefined) return world.fail("I12", `${this.text}: message ${seq} is no frame`);
    if (frame.epoch < this.#epoch) {
      return this.#wrong("I2", `epoch ${frame.epoch} is stored after ${this.#epoch}`);
    }
    const owner = this.epochs.get(frame.epoch) ?? writer;
    if (owner !== writer) this.#wrong("I2", `${writer} writes in epoch ${frame.epoch} of ${owner}`);
    if (this.#epoch > 0 && frame.epoch > this.#epoch) {
      world.sometimes(owner === this.leader ? "a life leads again" : "another life takes over");
      if (this.#open !== undefined) world.sometimes("a batch is left unfinished by a takeover");
    }
    this.#epoch = frame.epoch;
    this.epochs.set(frame.epoch, writer);
    if (frame.kind === "seal") return world.sometimes("a changelog is sealed");
    if (frame.part === 1) this.#open = { frame, parts: [data] };
    else if (this.#open?.frame.nonce === frame.nonce) this.#open.parts.push(data);
    else return this.#wrong("R18", `part ${frame.part} of ${frame.parts} follows another batch`);
    if (frame.parts > 1) world.sometimes("a batch is stored in several messages");
    if (frame.part < frame.parts) return;
    const { parts } = this.#open;
    this.#open = undefined;
    this.#batch(frame, concatBytes(...parts), writer);
  }

  #batch({ first, count, epoch, before, chain }: Frame, bytes: Uint8Array, writer: string): void {
    if (first !== this.#last + 1) this.#wrong("I2", `a batch at ${first} after ${this.#last}`);
    if (before !== this.#chain) this.#wrong("I2", `the chain breaks at ${first}`);
    const batch = { first, count, epoch, bytes, chain };
    this.#world.note(`${this.text} stores ${first}+${count} epoch ${epoch} of ${writer}`);
    this.batches.push(batch);
    this.#last = first + count - 1;
    this.#chain = chain;
    recordsOf(bytes, first).forEach(({ time, changes }, i) => {
      this.#history.record(first + i, time, changes);
      this.#world.say(() => `${this.text} ${first + i} ${time} ${JSON.stringify(changes)}`);
      for (const change of changes) {
        sometimesOf(this.#world, change);
        this.#crosses(change);
      }
    });
    this.#folder.take(batch);
  }

  /** Messages between partitions: posted densely, and accepted only once they were (I1, I7). */
  #crosses(change: Change): void {
    if (change.kind === "posted") {
      const before = this.posted.get(change.to) ?? 0;
      if (change.seq !== before + 1) {
        this.#wrong("I7", `message ${change.seq} to ${change.to} after ${before}`);
      }
      this.posted.set(change.to, change.seq);
    } else if (change.kind === "delivered") {
      const { from, seq } = change;
      const before = this.delivered.get(from) ?? 0;
      if (seq !== before + 1) this.#wrong("I7", `message ${seq} of ${from} after ${before}`);
      this.delivered.set(from, seq);
      const sender = this.#of(producerOf(from));
      if (sender?.loss === undefined && (sender?.posted.get(this.text) ?? 0) < seq) {
        this.#wrong("I1", `message ${seq} of ${from} came before it was durable there`);
      }
    }
  }

  #wrong(oracle: string, what: string): void {
    this.#world.fail(oracle, `${this.text}: ${what}`);
  }

  // ---- what leaders believe

  /** The changelog as one life has it: what it takes for acknowledged is held against the stream. */
  watched(changelog: Changelog, life: Writer, bytesScale: number): Changelog {
    const { openedAt } = life;
    let known = changelog.range.last;
    const append = async (batch: Batch): Promise<number> => {
      const chain = await changelog.append(batch).catch((error: unknown) => {
        if (!life.dead) {
          this.#refused(error as { readonly code?: string });
          life.fenced();
        }
        throw error;
      });
      if (life.dead) return never();
      this.#acknowledged({ ...batch, chain }, life, { openedAt, known });
      known = batch.first + batch.count - 1;
      return chain;
    };
    const trim = async (position: number): Promise<void> => {
      await changelog.trim(position);
      if (changelog.range.first > 1) this.#world.sometimes("a stream is trimmed");
    };
    return around(changelog, { append, trim }, bytesScale);
  }

  #refused({ code }: { readonly code?: string }): void {
    this.#world.sometimes(`an append ends with ${code}`);
  }

  #acknowledged(batch: StoredBatch, life: Writer, lead: Lead): void {
    const world = this.#world;
    const there = this.#at(batch.first);
    const stored = there !== undefined && same(there, batch);
    // What was stored before the loss may be heard of after it.
    if (this.loss !== undefined) return stored ? undefined : this.#overLoss(batch, life, lead);
    if (!stored) {
      return this.#wrong("O1", `${life.name} takes ${batch.first} for stored, and it is not`);
    }
    if (this.epochs.get(batch.epoch) !== life.name) {
      this.#wrong("I2", `${life.name} acknowledges in epoch ${batch.epoch}`);
    }
    if (batch.epoch < this.#epoch) world.sometimes("an acknowledgement comes after a takeover");
    this.acknowledged = Math.max(this.acknowledged, batch.first + batch.count - 1);
  }

  /** Who opens a changelog that is not what it was may not go on; nor may who remembers more. */
  #overLoss({ first }: Batch, life: Writer, { openedAt, known }: Lead): void {
    const { kind, behind, at } = this.loss as Loss;
    const wrong = (): void => {
      this.#wrong("I12", `${life.name} acknowledges ${first} over a ${kind} behind ${behind}`);
    };
    switch (kind) {
      case "stream deleted":
      case "stream recreated":
        return wrong();
      case "hole":
      case "purged ahead":
        return openedAt > at ? wrong() : undefined;
      case "rollback":
        if (openedAt < at && known > behind) return wrong();
        this.unseen = true;
        return this.#world.sometimes("a rollback that nobody remembers goes unseen");
      default:
        return undefined;
    }
  }

  #at(position: number): StoredBatch | undefined {
    let [low, high] = [0, this.batches.length - 1];
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const batch = this.batches[middle] as StoredBatch;
      if (batch.first === position) return batch;
      if (batch.first < position) low = middle + 1;
      else high = middle - 1;
    }
    return undefined;
  }
}

interface Lead {
  readonly openedAt: number;
  /** How far the changelog had come when it was opened, or by what was acknowledged since. */
  readonly known: number;
}

/** The partition a producer's line belongs to. */
export function producerOf(line: string): string {
  const { app, partition } = placeOf(line.slice(0, line.lastIndexOf("/")));
  return placeText({ app, partition });
}

function same(a: StoredBatch, b: StoredBatch): boolean {
  return a.count === b.count && a.chain === b.chain && Buffer.compare(a.bytes, b.bytes) === 0;
}
