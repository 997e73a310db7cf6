// The bus over NATS: a subject per partition for requests, an address of this node for answers.
// Everyone who serves a place gets its requests; a leader that is none any more keeps silent, and
// the first answer counts. There is no second durable hop: an answer that does not come is an
// unknown outcome.
import { HoldfastError } from "../model/errors.ts";
import { busMessageBytesMax } from "../model/limits.ts";
import { type Place, placeText } from "../model/place.ts";
import type { Bus, Served } from "../ports/bus.ts";
import type { Connection } from "./connection.ts";
import { requestSubject } from "./names.ts";
import type { Incoming } from "./outcome.ts";
import { Parts, publishParts } from "./parts.ts";

interface Waiting {
  answered(reply: Uint8Array): void;
  failed(code: "LEADER_UNREACHABLE" | "REQUEST_UNANSWERED"): void;
}

export class NatsBus implements Bus {
  readonly #connection: Connection;
  readonly #address: string;
  readonly #name: string;
  readonly #answers = new Parts();
  readonly #waiting = new Map<string, Waiting>();
  readonly #serving = new Set<Served>();
  readonly #subscription: { stop(): void };
  #requests = 0;
  #closed: Promise<void> | undefined;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#name = connection.world.name(8);
    this.#address = connection.address();
    this.#subscription = connection.subscribe(`${this.#address}.*`, (message) => {
      this.#answered(message);
    });
  }

  serve({ app, partition }: Place, answer: (request: Uint8Array) => Promise<Uint8Array>): Served {
    const requests = new Parts();
    let stopped = false;
    const subscription = this.#connection.subscribe(requestSubject(app, partition), (message) => {
      const { reply } = message;
      const request = requests.take(message);
      if (request === undefined || reply === undefined || stopped) return;
      answer(request).then(
        (bytes) => this.#reply(reply, checked(bytes)),
        () => undefined,
      );
    });
    const served = {
      stop: (): void => {
        if (stopped) return;
        stopped = true;
        subscription.stop();
        this.#serving.delete(served);
      },
    };
    this.#serving.add(served);
    return served;
  }

  async request(
    { app, partition }: Place,
    request: Uint8Array,
    { timeoutMs }: { readonly timeoutMs: number },
  ): Promise<Uint8Array> {
    checked(request);
    const data = { place: placeText({ app, partition }) };
    if (this.#closed !== undefined || !this.#connection.connected) {
      throw new HoldfastError("LEADER_UNREACHABLE", { data });
    }
    const token = (++this.#requests).toString(36);
    return new Promise((resolve, reject) => {
      const end = (): void => {
        timer.cancel();
        this.#waiting.delete(token);
      };
      const failed: Waiting["failed"] = (code) => {
        end();
        reject(new HoldfastError(code, { data }));
      };
      const { clock } = this.#connection.world;
      const timer = clock.after(timeoutMs, () => failed("REQUEST_UNANSWERED"));
      const answered: Waiting["answered"] = (reply) => {
        end();
        resolve(reply);
      };
      this.#waiting.set(token, { answered, failed });
      const to = { id: `${this.#name}${token}`, reply: `${this.#address}.${token}` };
      try {
        publishParts(this.#connection, requestSubject(app, partition), request, to);
      } catch {
        failed("REQUEST_UNANSWERED");
      }
    });
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  async #close(): Promise<void> {
    for (const served of this.#serving) served.stop();
    for (const waiting of [...this.#waiting.values()]) waiting.failed("REQUEST_UNANSWERED");
    this.#subscription.stop();
    // So that nobody reaches this node any more once it says it is closed.
    if (this.#connection.connected) await this.#connection.flush().catch(() => undefined);
  }

  #reply(to: string, bytes: Uint8Array): void {
    if (this.#closed !== undefined || !this.#connection.connected) return;
    const id = `${this.#name}r${(++this.#requests).toString(36)}`;
    publishParts(this.#connection, to, bytes, { id });
  }

  #answered(message: Incoming): void {
    const token = message.subject.slice(this.#address.length + 1);
    // Nobody waits any more, or another has answered before.
    const waiting = this.#waiting.get(token);
    if (waiting === undefined) return;
    if (message.status === 503) return waiting.failed("LEADER_UNREACHABLE");
    const reply = this.#answers.take(message);
    if (reply !== undefined) waiting.answered(reply);
  }
}

/** @throws HoldfastError `PAYLOAD_TOO_LARGE`. */
function checked(bytes: Uint8Array): Uint8Array {
  if (bytes.length <= busMessageBytesMax) return bytes;
  const data = { bytes: bytes.length, limit: busMessageBytesMax };
  throw new HoldfastError("PAYLOAD_TOO_LARGE", { data });
}
