// Which partitions this node leads: takes what nobody holds, up to its share, renews, hands over on a
// clean stop, and lets others have theirs when they come. All of this are hints that may be wrong
// without harm: whose epoch record stands in the changelog leads, and nobody else (I2, R16 of leases).
import { isHoldfastError } from "../model/errors.ts";
import { leaseRenewalsMissedMax } from "../model/limits.ts";
import type { Clock, Timer } from "../ports/clock.ts";
import type { Leases, Mark } from "../ports/leases.ts";
import type { Report } from "./events.ts";

/** A partition led here. */
export interface Led {
  readonly mark: Mark;
  /** Lets open attempts end, makes all durable, and lets it go. */
  close(): Promise<void>;
}

export interface LeadingParts {
  readonly node: string;
  readonly partitions: number;
  readonly leases: Leases;
  readonly clock: Clock;
  readonly report: Report;
  random(): number;
  /** Stands for the lead of a partition; `lost` is told once, when it is no longer led. */
  open(partition: number, lost: (error: unknown) => void): Promise<Led>;
}

export class Leading {
  readonly #parts: LeadingParts;
  readonly #led = new Map<number, Led>();
  readonly #opening = new Map<number, Promise<void>>();
  /** When this node may stand again, after it was fenced or could not open (R28). */
  readonly #notBefore = new Map<number, number>();
  /** When each lease was last renewed. */
  readonly #renewed = new Map<number, number>();
  #round: Promise<void> | undefined;
  #timer: Timer | undefined;
  #stopped = false;

  constructor(parts: LeadingParts) {
    this.#parts = parts;
  }

  get led(): readonly number[] {
    return [...this.#led.keys()];
  }

  /** One round now, and from then on one after the other. Resolves when it leads what it can. */
  async start(): Promise<void> {
    await this.#rounds();
    await Promise.all(this.#opening.values());
  }

  async #rounds(): Promise<void> {
    if (this.#stopped) return;
    this.#round = this.#once().catch(() => {
      // Not reached: led partitions go on, since the changelog fences, until renewals are overdue.
    });
    await this.#round;
    this.#stepDownOverdue();
    const everyMs = this.#parts.leases.ttlMs / leaseRenewalsMissedMax;
    if (this.#stopped) return;
    this.#timer = this.#parts.clock.after(everyMs, () => void this.#rounds());
  }

  async #once(): Promise<void> {
    const { leases, node, partitions } = this.#parts;
    if (!(await leases.renew(nodeName(node)))) await leases.take(nodeName(node));
    await Promise.all([...this.#led].map(([partition, led]) => this.#renew(partition, led)));
    // Recovery may take longer than a lease: nobody else need begin it too.
    await Promise.all([...this.#opening.keys()].map((one) => leases.renew(leaseName(one))));
    const held = await leases.held();
    const nodes = [...held.keys()].filter((name) => name.startsWith("node.")).length;
    const share = Math.ceil(partitions / Math.max(nodes, 1));
    const mine = this.#led.size + this.#opening.size;
    if (this.#stopped) return;
    if (mine > share) return this.#giveBack(mine - share);
    const free = this.#free(held);
    for (const partition of free.slice(0, share - mine)) this.#take(partition);
  }

  async #renew(partition: number, led: Led): Promise<void> {
    const { leases, clock } = this.#parts;
    const name = leaseName(partition);
    const began = clock.monotonic();
    const held = (await leases.renew(name)) || (await leases.take(name));
    if (!held) return this.#leave(partition, "another node holds its lease");
    this.#renewed.set(partition, began);
    await leases.advance(partition, led.mark);
  }

  /** What could not be renewed for most of its time is somebody else's soon: it stops first. */
  #stepDownOverdue(): void {
    const { leases, clock } = this.#parts;
    const overdue = clock.monotonic() - (leases.ttlMs * 2) / 3;
    for (const partition of this.#led.keys()) {
      if ((this.#renewed.get(partition) ?? 0) < overdue) {
        void this.#leave(partition, "its lease could not be renewed");
      }
    }
  }

  #free(held: ReadonlyMap<string, string>): number[] {
    const now = this.#parts.clock.monotonic();
    const free: number[] = [];
    for (let partition = 0; partition < this.#parts.partitions; partition++) {
      const holder = held.get(leaseName(partition));
      // An earlier process of this node held it: nobody need wait until it is forgotten.
      if (holder !== undefined && holder !== this.#parts.node) continue;
      if (this.#led.has(partition) || this.#opening.has(partition)) continue;
      if ((this.#notBefore.get(partition) ?? 0) <= now) free.push(partition);
    }
    return shuffled(free, () => this.#parts.random());
  }

  #take(partition: number): void {
    const opening = this.#stand(partition).finally(() => this.#opening.delete(partition));
    this.#opening.set(partition, opening);
  }

  async #stand(partition: number): Promise<void> {
    const { leases, clock, report } = this.#parts;
    try {
      if (!(await leases.take(leaseName(partition)))) return;
    } catch {
      return;
    }
    this.#renewed.set(partition, clock.monotonic());
    try {
      let over = false;
      const lost = (error: unknown): void => {
        over = true;
        this.#lost(partition, error);
      };
      const led = await this.#parts.open(partition, lost);
      if (over) return;
      this.#led.set(partition, led);
      report({ kind: "leading", partition, epoch: led.mark.epoch });
      if (this.#stopped) await this.#leave(partition, "the engine is closing", true);
    } catch (error) {
      this.#lost(partition, error);
    }
  }

  /** It is no longer led here, for a reason of its own. */
  #lost(partition: number, error: unknown): void {
    const { clock, leases, report, random } = this.#parts;
    this.#led.delete(partition);
    const why = error instanceof Error ? error.message : String(error);
    report({ kind: "left", partition, why, planned: false });
    // A halted partition is kept from everybody: whoever opened it would halt the same way.
    if (isHoldfastError(error, "PARTITION_HALTED")) {
      this.#notBefore.set(partition, Number.POSITIVE_INFINITY);
      return;
    }
    const wait = leases.ttlMs * (1 + random());
    this.#notBefore.set(partition, clock.monotonic() + wait);
    leases.release(leaseName(partition)).catch(() => {});
  }

  async #leave(partition: number, why: string, planned = false): Promise<void> {
    const { leases, report } = this.#parts;
    const led = this.#led.get(partition);
    if (led === undefined) return;
    this.#led.delete(partition);
    report({ kind: "left", partition, why, planned });
    await led.close().catch(() => {});
    await leases.release(leaseName(partition)).catch(() => {});
  }

  /** More nodes are here than before: one round hands over at most two partitions. */
  async #giveBack(surplus: number): Promise<void> {
    const some = [...this.#led.keys()].slice(-Math.min(surplus, 2));
    await Promise.all(
      some.map((partition) => this.#leave(partition, "another node takes it", true)),
    );
  }

  /** Hands everything over. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#round;
    await Promise.all(this.#opening.values());
    const led = [...this.#led.keys()];
    await Promise.all(
      led.map((partition) => this.#leave(partition, "the engine is closing", true)),
    );
    await this.#parts.leases.release(nodeName(this.#parts.node)).catch(() => {});
  }
}

function nodeName(node: string): string {
  return `node.${node}`;
}

function leaseName(partition: number): string {
  return `partition.${partition}`;
}

function shuffled<T>(list: T[], random: () => number): T[] {
  for (let i = list.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [list[i], list[j]] = [list[j] as T, list[i] as T];
  }
  return list;
}
