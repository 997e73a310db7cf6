// Carries the outbox of one partition to the partitions its messages name, in order, until each
// accepts. It decides nothing: accepting is the receiver's proposal, forgetting is ours. Keeps I7
// together with partition/proposals/deliver.ts, which takes nothing twice. It reads messages up to
// the number that is durable, and those never change (R3).
import { decodeReply, encodeRequest } from "../codec/bus-message.ts";
import { isHoldfastError } from "../model/errors.ts";
import type { Home } from "../model/invocation-id.ts";
import { relayBytesMax, relayMessagesMax } from "../model/limits.ts";
import { type MessageRow, unroutedService } from "../model/message.ts";
import { placeOf } from "../model/place.ts";
import type { Directory } from "../partition/decision.ts";
import type { Tables } from "../partition/tables/tables.ts";
import type { Bus } from "../ports/bus.ts";
import type { Clock, Timer } from "../ports/clock.ts";
import type { Report } from "./events.ts";
import type { Processor } from "./processor.ts";

const timeoutMs = 5000;
const retryMsMin = 20;
const retryMsMax = 2000;

interface Way {
  /** Number up to which messages are durable, and may leave. */
  durable: number;
  sending: boolean;
  failures: number;
  retry: Timer | undefined;
  /** It was told a number that cannot be: nothing more goes this way (R23). */
  halted: boolean;
}

/** Where there are other partitions: how they are found and reached, and where this one is. */
export interface Surroundings {
  readonly directory: Directory;
  readonly bus: Bus;
  readonly home: Home;
}

export interface RelayParts {
  readonly tables: Tables;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly report: Report;
  readonly processor: Processor;
}

export class Relay {
  readonly #parts: RelayParts;
  readonly #ways = new Map<string, Way>();
  #stopped = false;

  constructor(parts: RelayParts) {
    this.#parts = parts;
  }

  /** Goes on with what an earlier epoch left: all of it is durable. */
  restart(): void {
    for (const { name, sent } of this.#parts.tables.outbox.waiting()) {
      this.posted(name.slice(1), sent);
    }
  }

  /** A message is durable, and may leave. */
  posted(to: string, seq: number): void {
    if (unroutedService(to) !== undefined || this.#stopped) return;
    const way = this.#ways.get(to) ?? newWay();
    this.#ways.set(to, way);
    if (seq > way.durable) way.durable = seq;
    if (!way.sending && way.retry === undefined) void this.#run(to, way);
  }

  /** The home of these services is known now: what waits for them gets its destination (R27). */
  route(services: ReadonlySet<string>): void {
    for (const { name } of this.#parts.tables.outbox.waiting()) {
      const service = unroutedService(name.slice(1));
      if (service === undefined || !services.has(service)) continue;
      while (this.#parts.processor.propose({ kind: "route", service }).changes.length > 0);
    }
  }

  stop(): void {
    this.#stopped = true;
    for (const way of this.#ways.values()) way.retry?.cancel();
  }

  async #run(to: string, way: Way): Promise<void> {
    way.sending = true;
    try {
      while (!this.#stopped && !way.halted) {
        const rows = this.#next(to, way);
        if (rows.length === 0) break;
        await this.#send(to, way, rows);
        way.failures = 0;
      }
    } catch (error) {
      this.#failed(to, way, error);
    } finally {
      way.sending = false;
    }
  }

  /** The first messages that wait, as many as one request takes. */
  #next(to: string, way: Way): MessageRow[] {
    const { outbox } = this.#parts.tables;
    const { accepted } = outbox.to(to);
    const limit = Math.min(relayMessagesMax, way.durable - accepted);
    if (limit <= 0) return [];
    let bytes = 0;
    const rows = outbox.read(to, accepted, limit);
    const end = rows.findIndex(({ message }) => {
      bytes += JSON.stringify(message).length;
      return bytes > relayBytesMax;
    });
    return end < 0 ? rows : rows.slice(0, Math.max(end, 1));
  }

  async #send(to: string, way: Way, rows: readonly MessageRow[]): Promise<void> {
    const { tables, bus } = this.#parts;
    const { place, line } = tables.meta;
    const first = (rows[0] as MessageRow).seq;
    const messages = rows.map(({ message }) => message);
    const request = encodeRequest({ kind: "deliver", from: `${place}/${line}`, first, messages });
    const reply = decodeReply(await bus.request(placeOf(to), request, { timeoutMs }));
    if (this.#stopped) return;
    if (reply.kind !== "accepted") throw new TypeError(`the answer is ${reply.kind}`);
    const { sent, accepted } = tables.outbox.to(to);
    if (reply.seq > sent || reply.seq < accepted) {
      way.halted = true;
      // One that was replaced and does not know it yet is told what its successor has sent: only
      // who still leads, as an append begun now proves, has seen something that cannot be (R22).
      this.#parts.processor.barrier(() => {
        this.#parts.report({ kind: "deliveryHalted", to, accepted: reply.seq, sent });
      });
      return;
    }
    if (reply.seq > accepted) {
      this.#parts.processor.propose({ kind: "accepted", to, seq: reply.seq });
    }
  }

  /** Nobody leads there, or did not answer: what was sent may have been accepted, and is again. */
  #failed(to: string, way: Way, error: unknown): void {
    if (this.#stopped) return;
    const known =
      isHoldfastError(error, "LEADER_UNREACHABLE") || isHoldfastError(error, "REQUEST_UNANSWERED");
    if (!known && !isHoldfastError(error, "RECORD_UNREADABLE")) this.#report(to, error);
    const ms = Math.min(retryMsMin * 2 ** Math.min(way.failures++, 10), retryMsMax);
    way.retry = this.#parts.clock.after(ms, () => {
      way.retry = undefined;
      void this.#run(to, way);
    });
  }

  #report(to: string, error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    this.#parts.report({ kind: "deliveryFailed", to, message });
  }
}

function newWay(): Way {
  return { durable: 0, sending: false, failures: 0, retry: undefined, halted: false };
}
