// JetStream's interface as far as we need it, asked over plain requests, so that every outcome is
// ours to judge: no retry, no message id and no time-out happens behind our back.
import { HoldfastError } from "../model/errors.ts";
import { textOfUtf8, utf8 } from "../std/bytes.ts";
import type { Connection } from "./connection.ts";
import { deadline, type LinkWorld } from "./link.ts";
import { type Outcome, type Reply, unavailable } from "./outcome.ts";

/** What a stream is made with; names as JetStream has them. */
export interface StreamConfig {
  readonly name: string;
  readonly subjects: readonly string[];
  readonly num_replicas: number;
  readonly retention: "limits";
  readonly storage: "file";
  readonly discard: "new" | "old";
  readonly max_msgs_per_subject?: number | undefined;
  readonly max_bytes?: number | undefined;
  readonly max_msgs?: number | undefined;
  /** In nanoseconds, as everything in this interface. */
  readonly max_age?: number | undefined;
  readonly duplicate_window?: number | undefined;
  readonly allow_direct?: boolean | undefined;
  readonly deny_delete?: boolean | undefined;
}

export interface StreamInfo {
  /** Of this life of the name: a stream deleted and made again has another. */
  readonly created: string;
  readonly config: StreamConfig;
  readonly state: {
    readonly messages: number;
    readonly bytes: number;
    readonly first_seq: number;
    readonly last_seq: number;
    readonly num_deleted?: number;
    readonly subjects?: Readonly<Record<string, number>>;
  };
}

export interface StoredMessage {
  readonly sequence: number;
  readonly subject: string;
  readonly data: Uint8Array;
  header(name: string): string;
}

/** What JetStream refused, by its own number. */
export class Refusal extends Error {
  readonly number: number;
  readonly status: number;

  constructor(number: number, status: number, description: string) {
    super(`JetStream: ${description} (${number})`);
    this.number = number;
    this.status = status;
  }
}

export const refusals: {
  readonly notFound: number;
  readonly streamNotFound: number;
  /** Also without a number, from 2.12 on, when another append is under way. */
  readonly wrongLastSequence: readonly number[];
  readonly notEnabled: readonly number[];
} = {
  notFound: 10037,
  streamNotFound: 10059,
  wrongLastSequence: [10071, 10164],
  notEnabled: [10039, 10076],
};

export type Ack =
  | { readonly kind: "ack"; readonly stream: string; readonly seq: number; readonly dup: boolean }
  | { readonly kind: "refusal"; readonly refusal: Refusal }
  | Exclude<Outcome, { kind: "reply" }>;

export interface JetStreamOptions {
  /** Until an answer is taken to be lost. Default 2 s. */
  readonly askMs?: number | undefined;
  /** Until a question that may be repeated is given up. Default 10 s. */
  readonly patienceMs?: number | undefined;
}

const empty = new Uint8Array(0);

export class JetStream {
  readonly connection: Connection;
  readonly askMs: number;
  readonly patienceMs: number;

  constructor(
    connection: Connection,
    { askMs = 2000, patienceMs = 10_000 }: JetStreamOptions = {},
  ) {
    this.connection = connection;
    this.askMs = askMs;
    this.patienceMs = patienceMs;
  }

  get world(): LinkWorld {
    return this.connection.world;
  }

  pause(ms: number): Promise<void> {
    return new Promise((resolve) => void this.world.clock.after(ms, resolve));
  }

  /** Says, when asked later, whether patience is over. */
  patience(): () => boolean {
    return deadline(this.world, this.patienceMs);
  }

  /** Undefined where there is no such stream. */
  async info(stream: string, request: object = {}): Promise<StreamInfo | undefined> {
    try {
      return (await this.#api(`STREAM.INFO.${stream}`, request)) as StreamInfo;
    } catch (error) {
      if (isRefusal(error, refusals.streamNotFound)) return undefined;
      throw error;
    }
  }

  /** Makes a stream; one that is there with the same configuration is answered as it is. */
  async create(config: StreamConfig): Promise<StreamInfo> {
    return (await this.#api(`STREAM.CREATE.${config.name}`, config)) as StreamInfo;
  }

  /**
   * A message as its stream's leader holds it; undefined where it holds none. That there is no such
   * stream is believed when it stays so: servers that have just been started say it of any.
   */
  async message(
    stream: string,
    by:
      | { readonly seq: number; readonly next_by_subj?: string }
      | { readonly last_by_subj: string },
  ): Promise<StoredMessage | undefined> {
    try {
      const answer = await this.#api(`STREAM.MSG.GET.${stream}`, by, refusals.streamNotFound);
      return storedMessage((answer as { message: EncodedMessage }).message);
    } catch (error) {
      if (isRefusal(error, refusals.notFound)) return undefined;
      throw error;
    }
  }

  /**
   * A message as any replica holds it, where the stream allows that: cheaper, and possibly behind.
   * Undefined when there was no message in the answer, whatever the reason: ask the leader.
   */
  async direct(stream: string, seq: number): Promise<StoredMessage | undefined> {
    const subject = `$JS.API.DIRECT.GET.${stream}`;
    const body = utf8(JSON.stringify({ seq }));
    const outcome = await this.connection.ask(subject, body, { timeoutMs: this.askMs });
    if (outcome.kind !== "reply" || outcome.reply.status !== 0) return undefined;
    const { data, header } = outcome.reply;
    if (Number(header("Nats-Sequence")) !== seq) return undefined;
    return { sequence: seq, subject: header("Nats-Subject"), data, header };
  }

  /**
   * Asks a stream's leader to let another lead. Servers know a state in which one answers everything
   * but appends, and only this, or its end, gets them going again (nats-server 8519). Without
   * replicas, or where it is forbidden, nothing happens.
   */
  async stepDown(stream: string): Promise<void> {
    const subject = `$JS.API.STREAM.LEADER.STEPDOWN.${stream}`;
    if (this.connection.connected)
      await this.connection.ask(subject, empty, { timeoutMs: this.askMs });
  }

  /** Removes all messages before this sequence. */
  async purge(stream: string, seq: number): Promise<void> {
    await this.#api(`STREAM.PURGE.${stream}`, { seq });
  }

  /** Removes all messages of one subject. */
  async purgeSubject(stream: string, subject: string): Promise<void> {
    await this.#api(`STREAM.PURGE.${stream}`, { filter: subject });
  }

  async publish(
    subject: string,
    body: Uint8Array,
    headers: Readonly<Record<string, string>>,
  ): Promise<Ack> {
    const options = { headers, timeoutMs: this.askMs };
    const outcome = await this.connection.ask(subject, body, options);
    if (outcome.kind !== "reply") return outcome;
    const answer = parsed(outcome.reply);
    if (answer.error !== undefined) return { kind: "refusal", refusal: refusalOf(answer.error) };
    const { stream = "", seq = 0, duplicate = false } = answer as PlainAck;
    return { kind: "ack", stream, seq, dup: duplicate };
  }

  /**
   * Asks until there is an answer, or another than the one that may pass. Only what may be done twice
   * is asked in this way.
   *
   * @throws HoldfastError `NATS_UNAVAILABLE` when there is none in time; Refusal.
   */
  async #api(path: string, request: object, passing?: number): Promise<unknown> {
    const body = Object.keys(request).length === 0 ? empty : utf8(JSON.stringify(request));
    const over = this.patience();
    for (let tries = 0; ; tries++) {
      const subject = `$JS.API.${path}`;
      const outcome = await this.connection.ask(subject, body, { timeoutMs: this.askMs });
      let why = outcome.kind === "nobody" ? "JetStream does not answer" : "";
      if (outcome.kind === "reply") {
        const answer = parsed(outcome.reply);
        if (answer.error === undefined) return answer;
        const refusal = refusalOf(answer.error);
        const never = refusals.notEnabled.includes(refusal.number);
        if (never) throw notEnabled(refusal);
        const passes = refusal.status === 503 || (refusal.number === passing && !over());
        if (!passes) throw refusal;
        why = refusal.message;
      } else if (outcome.kind === "refused") {
        throw new HoldfastError("NATS_UNSUITABLE", {
          happened: `The NATS server forbids ${subject}: ${outcome.why}.`,
          fix: "Give the user of this node the permissions that docs/cluster.md lists.",
          data: { subject },
        });
      } else if (outcome.kind === "unknown") why = outcome.why;
      if (over() || this.connection.closing) {
        throw unavailable(`NATS did not answer ${path}: ${why}.`);
      }
      await this.pause(Math.min(50 * 2 ** tries, 500));
    }
  }
}

interface PlainAck {
  readonly stream?: string;
  readonly seq?: number;
  readonly duplicate?: boolean;
}

interface PlainError {
  readonly code?: number;
  readonly err_code?: number;
  readonly description?: string;
}

interface EncodedMessage {
  readonly subject: string;
  readonly seq: number;
  readonly hdrs?: string;
  readonly data?: string;
}

export function isRefusal(error: unknown, ...numbers: readonly number[]): error is Refusal {
  return error instanceof Refusal && numbers.includes(error.number);
}

function refusalOf({ err_code = 0, code = 0, description = "" }: PlainError): Refusal {
  return new Refusal(err_code, code, description);
}

function notEnabled(refusal: Refusal): HoldfastError {
  return unavailable("JetStream is not enabled for this account.", refusal);
}

function parsed({ data }: Reply): { readonly error?: PlainError } & object {
  try {
    return JSON.parse(textOfUtf8(data)) as object;
  } catch {
    return { error: { code: 503, description: "an answer that is no JSON" } };
  }
}

function storedMessage({ subject, seq, hdrs = "", data = "" }: EncodedMessage): StoredMessage {
  const headers = new Map<string, string>();
  for (const line of Buffer.from(hdrs, "base64").toString("utf8").split("\r\n").slice(1)) {
    const colon = line.indexOf(":");
    if (colon > 0) headers.set(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  return {
    sequence: seq,
    subject,
    data: new Uint8Array(Buffer.from(data, "base64")),
    header: (name) => headers.get(name) ?? "",
  };
}
