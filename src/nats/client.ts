// The client of NATS as a link, and its only import. Reconnects go on for ever.
import { randomBytes } from "node:crypto";
import {
  type Authenticator,
  type ConnectionOptions,
  connect,
  credsAuthenticator,
  headers as emptyHeaders,
  type Msg,
  type NatsConnection,
  nkeyAuthenticator,
  PermissionViolationError,
  type Status,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from "@nats-io/transport-node";
import { utf8 } from "../std/bytes.ts";
import { Connection } from "./connection.ts";
import type { Link, LinkWatcher, LinkWorld, SendOptions } from "./link.ts";
import { type Access, type Incoming, unavailable } from "./outcome.ts";

const world: LinkWorld = {
  clock: {
    monotonic: () => performance.now(),
    after(ms, then) {
      const timer = setTimeout(then, ms);
      return { cancel: () => clearTimeout(timer) };
    },
  },
  name: (bytes) => randomBytes(bytes).toString("hex"),
};

/** @throws HoldfastError `NATS_UNAVAILABLE`. */
export async function openConnection(options: ConnectionOptions): Promise<Connection> {
  try {
    const nats = await connect({ ...always, ...options });
    return new Connection(new ClientLink(nats), world, options.inboxPrefix);
  } catch (cause) {
    const { servers } = options;
    throw unavailable(`No NATS server answers at ${withoutUserinfo(servers)}.`, cause);
  }
}

class ClientLink implements Link {
  readonly #nats: NatsConnection;

  constructor(nats: NatsConnection) {
    this.#nats = nats;
  }

  get version(): string {
    return this.#nats.info?.version ?? "";
  }

  get messageBytesMax(): number {
    return this.#nats.info?.max_payload ?? 0;
  }

  watch(watcher: LinkWatcher): void {
    void told(this.#nats.status(), watcher);
    void this.#nats.closed().then((error) => watcher.ended(error ?? undefined));
  }

  publish(subject: string, body: Uint8Array, { reply, headers }: SendOptions): void {
    const options: { reply?: string; headers?: ReturnType<typeof emptyHeaders> } = {};
    if (reply !== undefined) options.reply = reply;
    if (headers !== undefined) {
      options.headers = emptyHeaders();
      for (const [name, value] of Object.entries(headers)) options.headers.append(name, value);
    }
    this.#nats.publish(subject, body, options);
  }

  subscribe(subject: string, heard: (message: Incoming) => void): { stop(): void } {
    const subscription = this.#nats.subscribe(subject, {
      callback: (error, message) => {
        if (error === null) heard(incoming(message));
      },
    });
    return {
      stop: () => {
        if (!this.#nats.isClosed()) subscription.unsubscribe();
      },
    };
  }

  async flush(): Promise<void> {
    await this.#nats.flush();
  }

  async close(): Promise<void> {
    await this.#nats.close();
  }
}

async function told(statuses: AsyncIterable<Status>, watcher: LinkWatcher): Promise<void> {
  for await (const status of statuses) {
    if (status.type === "disconnect") watcher.lost();
    else if (status.type === "reconnect") watcher.back();
    else if (status.type === "error" && status.error instanceof PermissionViolationError) {
      watcher.refused(status.error.subject, status.error.message);
    }
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
