// One connection to NATS and what is asked over it. Every question ends in one of four outcomes, and
// none of them is an exception: an answer, nobody there, refused, or unknown. While there is no
// connection nothing is sent, so that nothing piles up below.
import type { Link, LinkWorld, SendOptions } from "./link.ts";
import type { AskOptions, Incoming, Outcome } from "./outcome.ts";

interface Pending {
  readonly subject: string;
  settle(outcome: Outcome): void;
}

const inboxNameBytes = 11;

export class Connection {
  readonly world: LinkWorld;
  readonly #link: Link;
  readonly #inbox: string;
  readonly #pending = new Map<string, Pending>();
  readonly #whenConnected = new Set<() => void>();
  #token = 0;
  #connected = true;
  #closing = false;
  /** Told when the client has given up, which it should not: nothing works any more. */
  onLost: ((error: Error) => void) | undefined;

  constructor(link: Link, world: LinkWorld, inboxPrefix = "_INBOX") {
    this.world = world;
    this.#link = link;
    this.#inbox = `${inboxPrefix}.${world.name(inboxNameBytes)}`;
    link.subscribe(`${this.#inbox}.*`, (message) => this.#answered(message));
    link.watch({
      lost: () => {
        this.#connected = false;
        this.#settleAll("the connection was lost");
      },
      back: () => {
        this.#connected = true;
        for (const each of this.#whenConnected) each();
      },
      refused: (subject, why) => this.#refused(subject, why),
      ended: (error) => this.#lost(error),
    });
  }

  /** Of the server connected to now, or last. */
  get version(): string {
    return this.#link.version;
  }

  /** Bytes one message may have, headers included. */
  get messageBytesMax(): number {
    return this.#link.messageBytesMax;
  }

  get closing(): boolean {
    return this.#closing;
  }

  get connected(): boolean {
    return this.#connected && !this.#closing;
  }

  async ask(subject: string, body: Uint8Array, options: AskOptions): Promise<Outcome> {
    const { clock } = this.world;
    const started = clock.monotonic();
    if (!this.connected && !(await this.#reconnected(options.timeoutMs))) {
      return { kind: "unknown", why: "there is no connection" };
    }
    const timeoutMs = Math.max(1, options.timeoutMs - (clock.monotonic() - started));
    return new Promise((resolve) => {
      const { token, reply } = this.expect(subject, timeoutMs, resolve);
      try {
        this.publish(subject, body, { reply, headers: options.headers });
      } catch (error) {
        this.#pending.get(token)?.settle({ kind: "unknown", why: String(error) });
      }
    });
  }

  /** An address for one answer. It is settled by the answer, or when the time is over. */
  expect(
    subject: string,
    timeoutMs: number,
    settled: (outcome: Outcome) => void,
  ): { readonly token: string; readonly reply: string } {
    const token = (++this.#token).toString(36);
    const settle = (outcome: Outcome): void => {
      timer.cancel();
      this.#pending.delete(token);
      settled(outcome);
    };
    const timer = this.world.clock.after(timeoutMs, () => {
      settle({ kind: "unknown", why: `no answer in ${Math.round(timeoutMs)} ms` });
    });
    this.#pending.set(token, { subject, settle });
    return { token, reply: `${this.#inbox}.${token}` };
  }

  publish(subject: string, body: Uint8Array, options: SendOptions = {}): void {
    this.#link.publish(subject, body, options);
  }

  subscribe(subject: string, told: (message: Incoming) => void): { stop(): void } {
    return this.#link.subscribe(subject, told);
  }

  /** A name under which answers to many questions, or in many parts, come back here. */
  address(): string {
    return `${this.#inbox}x${this.world.name(inboxNameBytes)}`;
  }

  /** Resolves when all that was sent before has reached the server. */
  flush(): Promise<void> {
    return this.#link.flush();
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.#settleAll("the connection is closed");
    for (const each of this.#whenConnected) each();
    await this.#link.close();
  }

  #answered(reply: Incoming): void {
    const token = reply.subject.slice(this.#inbox.length + 1);
    const pending = this.#pending.get(token);
    if (pending === undefined) return;
    const nobody = reply.status === 503 && reply.data.length === 0;
    pending.settle(nobody ? { kind: "nobody" } : { kind: "reply", reply });
  }

  #settleAll(why: string): void {
    for (const pending of [...this.#pending.values()]) pending.settle({ kind: "unknown", why });
  }

  #refused(subject: string, why: string): void {
    for (const pending of [...this.#pending.values()]) {
      if (pending.subject === subject) pending.settle({ kind: "refused", why });
    }
  }

  #reconnected(timeoutMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = (): void => {
        timer.cancel();
        this.#whenConnected.delete(settle);
        resolve(this.connected);
      };
      const timer = this.world.clock.after(timeoutMs, settle);
      this.#whenConnected.add(settle);
      if (this.#closing) settle();
    });
  }

  #lost(error: Error | undefined): void {
    if (this.#closing) return;
    this.#connected = false;
    this.#settleAll("the connection is closed");
    this.onLost?.(error ?? new Error("the NATS client has closed its connection"));
  }
}
