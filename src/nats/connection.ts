// One connection to NATS and what is asked over it. Every question ends in one of four outcomes, and
// none of them is an exception: an answer, nobody there, refused, or unknown. Reconnects go on for
// ever; while there is no connection nothing is sent, so that nothing piles up in the client.
import {
  type Authenticator,
  type ConnectionOptions,
  connect,
  credsAuthenticator,
  headers as emptyHeaders,
  type Msg,
  type NatsConnection,
  nkeyAuthenticator,
  nuid,
  PermissionViolationError,
  type Status,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from "@nats-io/transport-node";
import { utf8 } from "../std/bytes.ts";
import {
  type Access,
  type AskOptions,
  type Incoming,
  type Outcome,
  unavailable,
} from "./outcome.ts";

interface Pending {
  readonly subject: string;
  settle(outcome: Outcome): void;
}

export class Connection {
  readonly #nats: NatsConnection;
  readonly #inbox: string;
  readonly #pending = new Map<string, Pending>();
  readonly #whenConnected = new Set<() => void>();
  #token = 0;
  #connected = true;
  #closing = false;
  /** Told when the client has given up, which it should not: nothing works any more. */
  onLost: ((error: Error) => void) | undefined;

  private constructor(nats: NatsConnection, inboxPrefix: string) {
    this.#nats = nats;
    this.#inbox = `${inboxPrefix}.${nuid.next()}`;
    nats.subscribe(`${this.#inbox}.*`, { callback: (_, message) => this.#answered(message) });
    void this.#watch(nats.status());
    void nats.closed().then((error) => this.#lost(error));
  }

  /** @throws HoldfastError `NATS_UNAVAILABLE`. */
  static async open(options: ConnectionOptions): Promise<Connection> {
    const { inboxPrefix = "_INBOX" } = options;
    try {
      return new Connection(await connect({ ...always, ...options }), inboxPrefix);
    } catch (cause) {
      const { servers } = options;
      throw unavailable(`No NATS server answers at ${withoutUserinfo(servers)}.`, cause);
    }
  }

  /** Of the server connected to now, or last. */
  get version(): string {
    return this.#nats.info?.version ?? "";
  }

  /** Bytes one message may have, headers included. */
  get messageBytesMax(): number {
    return this.#nats.info?.max_payload ?? 0;
  }

  get closing(): boolean {
    return this.#closing;
  }

  get connected(): boolean {
    return this.#connected && !this.#closing;
  }

  async ask(subject: string, body: Uint8Array, options: AskOptions): Promise<Outcome> {
    const started = performance.now();
    if (!this.connected && !(await this.#reconnected(options.timeoutMs))) {
      return { kind: "unknown", why: "there is no connection" };
    }
    const timeoutMs = Math.max(1, options.timeoutMs - (performance.now() - started));
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
      clearTimeout(timer);
      this.#pending.delete(token);
      settled(outcome);
    };
    const timer = setTimeout(() => {
      settle({ kind: "unknown", why: `no answer in ${Math.round(timeoutMs)} ms` });
    }, timeoutMs);
    this.#pending.set(token, { subject, settle });
    return { token, reply: `${this.#inbox}.${token}` };
  }

  publish(
    subject: string,
    body: Uint8Array,
    { reply, headers }: { readonly reply?: string; readonly headers?: AskOptions["headers"] } = {},
  ): void {
    const options: { reply?: string; headers?: ReturnType<typeof emptyHeaders> } = {};
    if (reply !== undefined) options.reply = reply;
    if (headers !== undefined) {
      options.headers = emptyHeaders();
      for (const [name, value] of Object.entries(headers)) options.headers.append(name, value);
    }
    this.#nats.publish(subject, body, options);
  }

  subscribe(subject: string, told: (message: Incoming) => void): { stop(): void } {
    const subscription = this.#nats.subscribe(subject, {
      callback: (error, message) => {
        if (error === null) told(incoming(message));
      },
    });
    return {
      stop: () => {
        if (!this.#nats.isClosed()) subscription.unsubscribe();
      },
    };
  }

  /** A name under which answers to many questions, or in many parts, come back here. */
  address(): string {
    return `${this.#inbox}x${nuid.next()}`;
  }

  /** Resolves when all that was sent before has reached the server. */
  async flush(): Promise<void> {
    await this.#nats.flush();
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.#settleAll("the connection is closed");
    for (const each of this.#whenConnected) each();
    await this.#nats.close();
  }

  #answered(message: Msg): void {
    const token = message.subject.slice(this.#inbox.length + 1);
    const pending = this.#pending.get(token);
    if (pending === undefined) return;
    const reply = incoming(message);
    const nobody = reply.status === 503 && reply.data.length === 0;
    pending.settle(nobody ? { kind: "nobody" } : { kind: "reply", reply });
  }

  #settleAll(why: string): void {
    for (const pending of [...this.#pending.values()]) pending.settle({ kind: "unknown", why });
  }

  async #watch(statuses: AsyncIterable<Status>): Promise<void> {
    for await (const status of statuses) {
      if (status.type === "disconnect") {
        this.#connected = false;
        this.#settleAll("the connection was lost");
      } else if (status.type === "reconnect") {
        this.#connected = true;
        for (const each of this.#whenConnected) each();
      } else if (status.type === "error") this.#refused(status.error);
    }
  }

  #refused(error: Error): void {
    if (!(error instanceof PermissionViolationError)) return;
    for (const pending of [...this.#pending.values()]) {
      if (pending.subject === error.subject)
        pending.settle({ kind: "refused", why: error.message });
    }
  }

  #reconnected(timeoutMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = (): void => {
        clearTimeout(timer);
        this.#whenConnected.delete(settle);
        resolve(this.connected);
      };
      const timer = setTimeout(settle, timeoutMs);
      this.#whenConnected.add(settle);
      if (this.#closing) settle();
    });
  }

  #lost(error: Error | undefined | void): void {
    if (this.#closing) return;
    this.#connected = false;
    this.#settleAll("the connection is closed");
    this.onLost?.(error ?? new Error("the NATS client has closed its connection"));
  }
}

/** Servers come back; a wrong password may be mended there, too. */
const always: ConnectionOptions = {
  maxReconnectAttempts: -1,
  reconnectTimeWait: 250,
  reconnectJitter: 100,
  ignoreAuthErrorAbort: true,
  pingInterval: 5000,
  maxPingOut: 2,
  timeout: 5000,
  noAsyncTraces: true,
};

function incoming(message: Msg): Incoming {
  const { data, headers, reply, subject } = message;
  return {
    subject,
    data,
    reply,
    status: headers?.code ?? 0,
    header: (name) => headers?.get(name) ?? "",
  };
}

export function connectionOptions(
  servers: string | readonly string[],
  name: string,
  access: Access,
): ConnectionOptions {
  const { inboxPrefix, tls } = access;
  const options: ConnectionOptions = { servers: [servers].flat(), name };
  const authenticator = authenticatorOf(access);
  if (authenticator !== undefined) options.authenticator = authenticator;
  if (inboxPrefix !== undefined) options.inboxPrefix = inboxPrefix;
  if (tls !== undefined) {
    options.tls = {};
    for (const part of ["ca", "cert", "key"] as const) {
      const text = tls[part];
      if (text !== undefined) options.tls[part] = text;
    }
  }
  return options;
}

function authenticatorOf({ user, pass, token, nkey, creds }: Access): Authenticator | undefined {
  if (creds !== undefined) return credsAuthenticator(utf8(creds));
  if (nkey !== undefined) return nkeyAuthenticator(utf8(nkey));
  if (token !== undefined) return tokenAuthenticator(token);
  return user === undefined ? undefined : usernamePasswordAuthenticator(user, pass);
}

/** User names and passwords stay out of messages. */
function withoutUserinfo(servers: string | readonly string[] | undefined): string {
  return [servers ?? []]
    .flat()
    .join(", ")
    .replaceAll(/[^/,\s]*@/g, "");
}
