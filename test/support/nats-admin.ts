// What an administrator, a bug or a bad day can do to a stream, for tests.
import type { Connection } from "../../src/nats/connection.ts";
import { frameHeader, frameOf, frameText } from "../../src/nats/frame.ts";
import type { Ack, JetStream, StreamInfo } from "../../src/nats/jetstream.ts";
import { JetStream as Plain } from "../../src/nats/jetstream.ts";
import { textOfUtf8, utf8 } from "../../src/std/bytes.ts";

interface Named {
  readonly stream: string;
  readonly subject: string;
  readonly partition: number;
  readonly options: { readonly jetstream: JetStream };
}

export class Admin {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  async info(stream: string, request?: object): Promise<StreamInfo> {
    return (await this.#api(`STREAM.INFO.${stream}`, request)) as StreamInfo;
  }

  async delete(stream: string): Promise<void> {
    await this.#api(`STREAM.DELETE.${stream}`);
  }

  /** Every stream there is. */
  async deleteAll(): Promise<void> {
    const { streams } = (await this.#api("STREAM.NAMES")) as { readonly streams?: string[] };
    for (const stream of streams ?? []) await this.delete(stream);
  }

  async deleteMessage(stream: string, seq: number): Promise<void> {
    await this.#api(`STREAM.MSG.DELETE.${stream}`, { seq });
  }

  /** All of it, or what is before `seq`. */
  async purge(stream: string, seq?: number): Promise<void> {
    await this.#api(`STREAM.PURGE.${stream}`, seq === undefined ? undefined : { seq });
  }

  async purgeSubject(stream: string, subject: string): Promise<void> {
    await this.#api(`STREAM.PURGE.${stream}`, { filter: subject });
  }

  async update(stream: string, change: object): Promise<void> {
    const { config } = await this.info(stream);
    await this.#api(`STREAM.UPDATE.${stream}`, { ...config, ...change });
  }

  async publish(subject: string, text: string): Promise<void> {
    await this.#connection.ask(subject, utf8(text), { timeoutMs: 2000 });
  }

  /** Copies one changelog into another, message by message, with one bit changed in one of them. */
  async copyWithFlip(from: Named, to: Named, flipped: number): Promise<void> {
    const jetstream = new Plain(this.#connection);
    const { state } = await this.info(from.stream);
    for (let seq = 1; seq <= state.last_seq; seq++) {
      const message = await jetstream.message(from.stream, { seq });
      const frame = frameOf(message?.header(frameHeader) ?? "");
      if (message === undefined || frame === undefined) throw new Error(`no message ${seq}`);
      const data = message.data.slice();
      if (seq === flipped) data[0] = (data[0] ?? 0) ^ 1;
      const header = frameText({ ...frame, partition: to.partition });
      await jetstream.publish(to.subject, data, { [frameHeader]: header });
    }
  }

  /** Lets only so many messages of an append through, and waits until they are there. */
  async cutAfter(at: Named, start: () => Promise<unknown>, messages: number): Promise<void> {
    const { jetstream } = at.options;
    const publish = jetstream.publish;
    let left = messages;
    const cut = new Promise<void>((resolve) => {
      jetstream.publish = (...given) => {
        if (left-- > 0) return publish.apply(jetstream, given);
        resolve();
        return new Promise(() => {});
      };
    });
    start().catch(() => undefined);
    await cut;
    jetstream.publish = publish;
  }

  /** Answers so often that there is no such message, as a leader does that is behind. */
  forget(jetstream: JetStream, times: number): void {
    const message = jetstream.message;
    let left = times;
    jetstream.message = (...given) => {
      return left-- > 0 ? Promise.resolve(undefined) : message.apply(jetstream, given);
    };
  }

  /** Stores what is published next and loses the answers; says how many were lost so far. */
  loseAnswers(jetstream: JetStream, count: number): () => number {
    const publish = jetstream.publish;
    let lost = 0;
    jetstream.publish = async (...given): Promise<Ack> => {
      const ack = await publish.apply(jetstream, given);
      if (lost >= count) return ack;
      lost++;
      return { kind: "unknown", why: "lost by a test" };
    };
    return () => lost;
  }

  async #api(path: string, request?: object): Promise<unknown> {
    const body = request === undefined ? new Uint8Array(0) : utf8(JSON.stringify(request));
    const outcome = await this.#connection.ask(`$JS.API.${path}`, body, { timeoutMs: 5000 });
    if (outcome.kind !== "reply") throw new Error(`${path}: ${outcome.kind}`);
    const answer = JSON.parse(textOfUtf8(outcome.reply.data)) as { readonly error?: object };
    if (answer.error !== undefined) throw new Error(`${path}: ${JSON.stringify(answer.error)}`);
    return answer;
  }
}
