// Leases and marks in JetStream. A lease is a message that expires by the server's clock unless it
// is put anew; whoever takes or renews one reads it back through the leader, since old servers tell
// several of them that they were first. Leases are hints: the changelog is the fence.
import { isAfter } from "../model/mark.ts";
import type { Leases, Mark } from "../ports/leases.ts";
import { bytesOfHex, textOfUtf8 } from "../std/bytes.ts";
import type { JetStream } from "./jetstream.ts";
import { Latest } from "./latest.ts";
import { leaseNames, leaseSubject, markNames, markSubject } from "./names.ts";
import { unavailable } from "./outcome.ts";

/** What a lease says: its holder, and what tells this renewal from others. Free: nobody. */
interface Lease {
  readonly node?: string;
  readonly nonce: string;
}

export interface NatsLeasesOptions {
  readonly jetstream: JetStream;
  readonly app: string;
  readonly node: string;
  /** As the stream of leases was made. */
  readonly ttlMs: number;
}

export class NatsLeases implements Leases {
  readonly ttlMs: number;
  readonly #app: string;
  readonly #node: string;
  readonly #jetstream: JetStream;
  readonly #leases: Latest;
  readonly #marks: Latest;
  /** Stream sequence of each lease held, as last put. */
  readonly #held = new Map<string, number>();

  constructor({ jetstream, app, node, ttlMs }: NatsLeasesOptions) {
    this.ttlMs = ttlMs;
    this.#app = app;
    this.#node = node;
    this.#jetstream = jetstream;
    this.#leases = new Latest(jetstream, leaseNames(app));
    this.#marks = new Latest(jetstream, markNames(app));
  }

  async take(name: string): Promise<boolean> {
    const value = await this.#leases.get(leaseSubject(this.#app, name));
    const holder = (value?.json as Lease | undefined)?.node;
    if (holder !== undefined && holder !== this.#node) return false;
    return this.#set(name, value?.sequence ?? 0);
  }

  async renew(name: string): Promise<boolean> {
    const sequence = this.#held.get(name);
    return sequence !== undefined && (await this.#set(name, sequence));
  }

  async release(name: string): Promise<void> {
    const sequence = this.#held.get(name);
    if (sequence === undefined) return;
    this.#held.delete(name);
    const free: Lease = { nonce: this.#nonce() };
    await this.#leases.put(leaseSubject(this.#app, name), free, sequence);
  }

  async held(): Promise<ReadonlyMap<string, string>> {
    const held = new Map<string, string>();
    for (const [token, json] of await this.#leases.all()) {
      const { node } = json as Lease;
      if (node !== undefined) held.set(textOfUtf8(bytesOfHex(token)), node);
    }
    return held;
  }

  async mark(partition: number): Promise<Mark | undefined> {
    return markIn((await this.#marks.get(markSubject(this.#app, partition)))?.json);
  }

  async advance(partition: number, { epoch, position, chain }: Mark): Promise<void> {
    const mark: Mark = { epoch, position, chain };
    await this.#marks.change(markSubject(this.#app, partition), (json) => {
      return isAfter(mark, markIn(json)) ? mark : undefined;
    });
  }

  #nonce(): string {
    return this.#jetstream.world.name(8);
  }

  async #set(name: string, after: number): Promise<boolean> {
    const subject = leaseSubject(this.#app, name);
    const lease: Lease = { node: this.#node, nonce: this.#nonce() };
    for (const over = this.#jetstream.patience(); ; ) {
      const put = await this.#leases.put(subject, lease, after);
      const value = await this.#leases.get(subject);
      if ((value?.json as Lease | undefined)?.nonce === lease.nonce) {
        this.#held.set(name, value?.sequence ?? 0);
        return true;
      }
      if (put !== "unknown" || (value?.sequence ?? 0) !== after) {
        this.#held.delete(name);
        return false;
      }
      if (over()) throw unavailable(`Lease ${name} cannot be set.`);
      await this.#jetstream.pause(50);
    }
  }
}

function markIn(json: unknown): Mark | undefined {
  const mark = json as Mark | undefined;
  return typeof mark?.position === "number" ? mark : undefined;
}
