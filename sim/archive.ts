// What we know was given to the changelog: every batch asked for and acknowledged, over all lives.
// Each recovery is held against it (I12): what was acknowledged is there, byte for byte, what was in
// doubt is there whole or not at all, and nothing is there that nobody asked.
import { recordsOf } from "../src/codec/record.ts";
import type { Change } from "../src/model/change.ts";
import type { Batch, Changelog, StoredBatch } from "../src/ports/changelog.ts";
import { around } from "./around.ts";
import type { SimDisk } from "./disk.ts";
import { History } from "./history.ts";
import { never } from "./inode.ts";
import type { Owner, World } from "./world.ts";

export class Archive {
  readonly #world: World;
  /** Every batch that is part of the history, in order; the last may be in doubt. */
  readonly batches: StoredBatch[] = [];
  readonly #history: History;
  #acknowledged = 0;
  #doubt: Batch | undefined;
  #trimmed = 0;
  #epoch = 0;

  constructor(world: World) {
    this.#world = world;
    this.#history = new History(world);
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** The changelog as the engine has it: all that goes in and out is noted. */
  watched(changelog: Changelog, life: Owner, disk: SimDisk, bytesScale: number): Changelog {
    const append = async (batch: Batch): Promise<number> => {
      this.#asked(batch);
      const chain = await changelog.append(batch);
      if (life.dead) return never();
      if (disk.failedFor === life) {
        this.#world.fail("R16", `the batch at ${batch.first} counts after a failed sync`);
      }
      this.#answered({ ...batch, chain });
      return chain;
    };
    const trim = async (position: number): Promise<void> => {
      this.#trimmed = Math.max(this.#trimmed, position);
      await changelog.trim(position);
      if (changelog.range.first > 1) this.#world.sometimes("the changelog is trimmed");
    };
    return around(changelog, { append, trim }, bytesScale);
  }

  #asked(batch: Batch): void {
    const world = this.#world;
    if (batch.first !== this.#acknowledged + 1) {
      world.fail("I2", `a batch at ${batch.first} after ${this.#acknowledged}`);
    }
    if (batch.epoch < this.#epoch) world.fail("I2", `epoch ${batch.epoch} after ${this.#epoch}`);
    this.#epoch = batch.epoch;
    this.#doubt = batch;
    for (const { time, changes } of recordsOf(batch.bytes, batch.first)) {
      world.say(() => `${time} ${JSON.stringify(changes)}`);
      for (const change of changes) sometimesOf(world, change);
    }
  }

  #answered(batch: StoredBatch): void {
    this.#world.note(`durable ${batch.first}+${batch.count} chain ${batch.chain}`);
    this.batches.push(batch);
    recordsOf(batch.bytes, batch.first).forEach(({ time, changes }, i) => {
      this.#history.record(batch.first + i, time, changes);
    });
    this.#acknowledged = batch.first + batch.count - 1;
    this.#doubt = undefined;
  }

  /** Holds what a recovery shows against what is known. */
  async recovered(changelog: Changelog): Promise<void> {
    const world = this.#world;
    const { first, last } = changelog.range;
    world.note(`recovered ${first} to ${last}`);
    if (last < this.#acknowledged) world.fail("O1", `ends at ${last} of ${this.#acknowledged}`);
    if (first > this.#trimmed + 1)
      world.fail("I12", `begins at ${first}, trimmed ${this.#trimmed}`);
    let at = 0;
    for await (const batch of changelog.read(0)) {
      while (at < this.batches.length && (this.batches[at] as Batch).first < batch.first) at++;
      const known = this.batches[at];
      if (known === undefined) this.#survived(batch);
      else if (!same(batch, known)) world.fail("I12", `the batch at ${batch.first} differs`);
    }
    if (this.#doubt !== undefined) world.sometimes("an append in doubt is gone");
    this.#doubt = undefined;
  }

  #survived(batch: StoredBatch): void {
    const world = this.#world;
    const doubt = this.#doubt;
    if (doubt === undefined || !same(batch, { ...doubt, chain: batch.chain })) {
      world.fail("I12", `the batch at ${batch.first} was never asked`);
    }
    world.sometimes("an append in doubt has survived");
    this.#answered(batch);
  }
}

/** Notes what kind of change this is among what must happen sometimes. */
export function sometimesOf(world: World, change: Change): void {
  world.sometimes(`change ${change.kind}`);
  if (change.kind === "led" && change.unclean) world.sometimes("an unclean epoch begins");
  if (change.kind === "command") world.sometimes(`command ${change.entry.command.kind}`);
  if (change.kind === "notified") world.sometimes(`notification ${change.notification.kind}`);
  if (change.kind === "started" && change.crashed === true)
    world.sometimes("an attempt is resumed after a crash");
  if (change.kind === "finished" && "failure" in change.result) {
    world.sometimes(`an invocation ends with ${change.result.failure.code}`);
  }
  if (change.kind === "paused")
    world.sometimes(`an invocation is paused with ${change.failure.code}`);
}

function same(a: StoredBatch, b: StoredBatch): boolean {
  return (
    a.first === b.first &&
    a.count === b.count &&
    a.epoch === b.epoch &&
    a.chain === b.chain &&
    Buffer.compare(a.bytes, b.bytes) === 0
  );
}
