// Feeds one partition from one stream: reads in order behind the position that the partition's own
// changelog keeps, takes what belongs to a key of this partition, and passes the rest over. Every
// leader goes on where the one before was made durable; nothing is asked of the stream but to be
// read (I7). What it cannot take it waits for, or stops at, visibly.
import type { Answer } from "../model/effect.ts";
import { isHoldfastError } from "../model/errors.ts";
import { partitionOfKey } from "../model/place.ts";
import {
  callIn,
  keyIn,
  type SourceMessage,
  type Subscription,
  sourceError,
} from "../model/subscription.ts";
import { namedKeyOf } from "../model/target.ts";
import type { Clock, Timer } from "../ports/clock.ts";
import type { Source, SourceState } from "../ports/source.ts";
import type { Report } from "./events.ts";
import type { Partition } from "./partition.ts";

/** How it stands, for operators. */
export interface SubscriptionStatus {
  readonly name: string;
  /** Undefined for a plain subject: then positions count messages since this node leads. */
  readonly stream: string | undefined;
  /** Sequence of the stream up to which this partition has read, and the stream's last one seen. */
  readonly position: number;
  readonly last: number;
  /** Messages of this partition that could not be handed over. */
  readonly parked: number;
  /** Why it stands still; undefined while it goes on. */
  readonly stopped: string | undefined;
}

export interface SubscriberParts {
  readonly subscription: Subscription;
  readonly source: Source;
  readonly partition: Partition;
  /** This partition's number, and how many there are. */
  readonly index: number;
  readonly count: number;
  readonly clock: Clock;
  readonly report: Report;
}

/** How often a stream without news is asked again, and one that is not as it should be. */
const idleMs = 250;
const stoppedMs = 5000;
/** Messages taken in one turn, and passed over before the position is written down. */
const takenPerTurn = 256;
const passedMax = 1000;

export class Subscriber {
  readonly #parts: SubscriberParts;
  #timer: Timer | undefined;
  #stopped = false;
  #status: SubscriptionStatus;
  /** Up to where it has read; what it passed over since its position is not written down yet. */
  #read = 0;
  /** The newest message seen: once it is removed, that is no gap. */
  #seen = 0;
  /** The life of the stream that is read, as the name its position is kept under. */
  #from = "";

  constructor(parts: SubscriberParts) {
    this.#parts = parts;
    const { name, stream } = parts.subscription;
    this.#status = { name, stream, position: 0, last: 0, parked: 0, stopped: undefined };
  }

  get status(): SubscriptionStatus {
    if (this.#from === "") return this.#status;
    const { accepted, sent } = this.#line;
    return { ...this.#status, position: Math.max(accepted, this.#read), parked: sent };
  }

  start(): void {
    this.#turn(0);
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  get #line(): { readonly accepted: number; readonly sent: number } {
    return this.#parts.partition.tables.outbox.from(this.#from);
  }

  #turn(ms: number): void {
    if (this.#stopped) return;
    this.#timer = this.#parts.clock.after(ms, () => {
      this.#go().then(
        (wait) => this.#turn(wait),
        (error: unknown) => this.#turn(this.#halted(error)),
      );
    });
  }

  /** What stands in the way, told once; answers when to try again. */
  #halted(error: unknown): number {
    if (this.#stopped) return 0;
    this.#parts.source.forget();
    const code = isHoldfastError(error) ? error.code : "INVARIANT_BROKEN";
    const message = error instanceof Error ? error.message : String(error);
    if (this.#status.stopped !== code) {
      const { name } = this.#parts.subscription;
      this.#parts.report({ kind: "subscriptionStopped", name, code, message });
    }
    this.#status = { ...this.#status, stopped: code };
    return stoppedMs;
  }

  /** Reads on, as far as there is something; answers when to look again. */
  async #go(): Promise<number> {
    const { source, partition } = this.#parts;
    const state = this.#checked(await source.state());
    // Where it begins is written down before anything is read: the next leader begins there, too.
    if (!partition.tables.outbox.knows(this.#from)) await this.#consume(this.#read);
    for (let taken = 0; taken < takenPerTurn; taken++) {
      const message = await source.next(this.#read + 1);
      if (this.#stopped) return 0;
      if (message === undefined) {
        // Read to its end: others' messages are not read again after a failover.
        if (this.#read > this.#line.accepted) await this.#consume(this.#read);
        this.#goesOn(Math.max(state.last, this.#read));
        return idleMs;
      }
      await partition.admit();
      if (this.#stopped) return 0;
      await this.#take(message);
      this.#read = message.sequence;
    }
    this.#goesOn(Math.max(state.last, this.#read));
    return 0;
  }

  #goesOn(last: number): void {
    this.#status = { ...this.#status, last, stopped: undefined };
  }

  /** @throws HoldfastError `SUBSCRIPTION_SOURCE_MISSING`, `…_SOURCE_CHANGED`, `SUBSCRIPTION_GAP`. */
  #checked(state: SourceState | undefined): SourceState {
    const { partition, subscription } = this.#parts;
    const { name, stream, from = "all", gaps = "stop" } = subscription;
    const data = { subscription: name, stream };
    if (state === undefined) {
      const happened = `There is no stream ${stream}, which ${name} subscribes to.`;
      throw sourceError("SUBSCRIPTION_SOURCE_MISSING", happened, data);
    }
    const { outbox } = partition.tables;
    // No name is the beginning of another.
    const own = `~${encodeURIComponent(name)}/`;
    const life = own + state.created;
    const other = outbox.producers(own).find((each) => each !== life);
    const { accepted } = outbox.from(life);
    if (other !== undefined || state.last < accepted) {
      const happened = `The stream ${stream} is not the one that ${name} has read to ${outbox.from(other ?? life).accepted}.`;
      throw sourceError("SUBSCRIPTION_SOURCE_CHANGED", happened, {
        ...data,
        created: state.created,
      });
    }
    if (this.#from === "") {
      this.#from = life;
      this.#read = outbox.knows(life) || from === "all" ? accepted : state.last;
    }
    const next = Math.max(this.#read, this.#seen) + 1;
    if (outbox.knows(life) && state.first > next && gaps === "stop") {
      const happened = `Messages ${next} to ${state.first - 1} of ${stream} are gone, and ${name} has not read them.`;
      throw sourceError("SUBSCRIPTION_GAP", happened, { ...data, first: state.first });
    }
    return state;
  }

  /** Once it is taken, passed over or parked, its sequence is behind. */
  async #take(message: SourceMessage): Promise<void> {
    const { subscription, index, count } = this.#parts;
    const { sequence } = message;
    this.#seen = sequence;
    const keyed = keyIn(subscription, message);
    const named =
      "key" in keyed ? namedKeyOf({ service: "", key: keyed.key }, undefined) : undefined;
    const home = named === undefined ? sequence % count : partitionOfKey(named, count);
    if (home !== index) {
      if (sequence - this.#line.accepted >= passedMax) await this.#consume(sequence);
      return;
    }
    const asked = "key" in keyed ? callIn(subscription, keyed.key, message) : keyed;
    if ("call" in asked) return this.#consume(sequence, asked);
    const { name, stream, poison = "park" } = subscription;
    const happened = `Message ${sequence} of ${stream} cannot be handed over: ${asked.poison}.`;
    if (poison === "stop") {
      throw sourceError("SUBSCRIPTION_POISON", happened, { subscription: name, stream, sequence });
    }
    await this.#consume(sequence, { parked: true });
    this.#parts.report({ kind: "subscriptionParked", name, sequence, why: asked.poison });
  }

  async #consume(
    seq: number,
    what: { readonly call?: Consumed["call"]; readonly parked?: true } = {},
  ): Promise<void> {
    const { partition } = this.#parts;
    let answer: Answer | undefined;
    let told = (): void => {};
    const settle = (given: Answer): void => {
      answer = given;
      told();
    };
    const { changes, effects } = partition.propose({
      kind: "consume",
      from: this.#from,
      seq,
      ...what,
      refused: { settle },
    });
    if (changes.length > 0 || effects.length === 0) return;
    // Refused; that is told once this is known to be still the leader (R22).
    if (answer === undefined) await new Promise<void>((resolve) => (told = resolve));
    const refusal = answer as Answer | undefined;
    if (refusal?.kind === "refused") throw refusal.error;
  }
}

type Consumed = Extract<Parameters<Partition["propose"]>[0], { kind: "consume" }>;
