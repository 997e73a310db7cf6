// The face `holdfast/nats`: a cluster over NATS JetStream, to pass to an engine. Wiring only.
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { lockDirectory } from "./file/lock.ts";
import { inSharedThread } from "./local/materialiser-thread.ts";
import { checkApp, checkPartitions } from "./model/place.ts";
import { type SubscriptionOptions, subscriptionOf } from "./model/subscription.ts";
import { NatsApps } from "./nats/apps.ts";
import type { Connection } from "./nats/connection.ts";
import { JetStream } from "./nats/jetstream.ts";
import { type Access, unavailable } from "./nats/outcome.ts";
import { leaseMsDefault } from "./nats/provision.ts";
import { checkServer, durabilityLine, type Wanted } from "./nats/versions.ts";
import { natsNode } from "./nats-node.ts";
import { sqliteNodeTable } from "./nats-table.ts";
import type { Cluster, OpenCluster } from "./ports/cluster.ts";
import { canThread, workerEntry } from "./table-folding.ts";

export interface NatsOptions extends NatsAccess {
  /** Where NATS is: `nats://host:port`, one or several. */
  readonly servers: string | readonly string[];
  /** The app all nodes with the same handlers share: lower-case letters, digits and dashes. */
  readonly app: string;
  /** Into how many partitions the app is cut, fixed when it is first registered. Default 24. */
  readonly partitions?: number | undefined;
  /** Copies JetStream keeps of everything: 1, 3 or 5. Default 1. */
  readonly replicas?: number | undefined;
  /** `"strict"` refuses what may lose acknowledged work in a power cut. Default "standard". */
  readonly durability?: "strict" | "standard" | undefined;
  /** What `sync_interval` is on the servers: no client can see it. Default "interval". */
  readonly sync?: "always" | "interval" | undefined;
  /** Bytes one partition's changelog may have; beyond it, requests wait. Default unlimited. */
  readonly changelogBytesMax?: number | undefined;
  /** Milliseconds until a node that is not heard of loses its partitions. Default 15,000. */
  readonly leaseMs?: number | undefined;
  /** Streams of JetStream that handlers of this app are fed from: docs/subscriptions.md. */
  readonly subscriptions?: readonly SubscriptionOptions[] | undefined;
  /** Who may purge, where that is another user than who appends. */
  readonly janitor?: NatsAccess | undefined;
}

/** How to show NATS who this is; at most one way, and TLS beside it. */
export interface NatsAccess {
  readonly user?: string | undefined;
  readonly pass?: string | undefined;
  readonly token?: string | undefined;
  /** The seed of an nkey. */
  readonly nkey?: string | undefined;
  /** Path of a creds file. */
  readonly creds?: string | undefined;
  /** Paths of PEM files; `{}` for TLS by the system's authorities. */
  readonly tls?:
    | {
        readonly ca?: string | undefined;
        readonly cert?: string | undefined;
        readonly key?: string | undefined;
      }
    | undefined;
  /** Where answers to this user come in, where others must not read them. Default `_INBOX`. */
  readonly inboxPrefix?: string | undefined;
}

const partitionsDefault = 24;

/**
 * A cluster over NATS JetStream.
 *
 * @throws HoldfastError `NAME_INVALID`, `PARTITIONS_INVALID`; when an engine opens on it also
 * `NATS_UNAVAILABLE`, `NATS_UNSUITABLE`.
 * @example
 * const cluster = nats({ servers: "nats://localhost:4222", app: "shop" });
 */
export function nats(options: NatsOptions): Cluster {
  const app = checkApp(options.app);
  const partitions = checkPartitions(options.partitions ?? partitionsDefault);
  const subscriptions = (options.subscriptions ?? []).map(subscriptionOf);
  if (new Set(subscriptions.map(({ name }) => name)).size < subscriptions.length) {
    throw new TypeError("subscriptions: two have one name: give each a `name` of its own.");
  }
  return { app, partitions, subscriptions, connect: ({ data }) => connectTo(options, data) };
}

async function connectTo(
  options: NatsOptions,
  directory: string | undefined,
): Promise<OpenCluster> {
  const { app } = options;
  const wanted = wantedOf(options);
  const data = directory === undefined ? undefined : resolve(directory);
  if (data !== undefined) mkdirSync(data, { recursive: true, mode: 0o700 });
  const lock = data === undefined ? undefined : await lockDirectory(data);
  const connections: Connection[] = [];
  const opened = async (access: NatsAccess): Promise<Connection> => {
    const name = `holdfast ${app}`;
    const { openConnection, connectionOptions } = await client();
    const connection = await openConnection(connectionOptions(options.servers, name, read(access)));
    connections.push(connection);
    return connection;
  };
  const end = async (): Promise<void> => {
    await Promise.all(connections.map((each) => each.close()));
    await lock?.release();
  };
  try {
    const connection = await opened(options);
    const janitor = options.janitor && (await opened({ tls: options.tls, ...options.janitor }));
    checkServer(connection.version, wanted);
    const promise = durabilityLine(connection.version, wanted);
    const start = sharedStart();
    const { replicas = 1, leaseMs = leaseMsDefault, changelogBytesMax } = options;
    return natsNode({
      ...{ app, connection, janitor, promise, end },
      node: data === undefined ? newName() : nameIn(data),
      provision: { replicas, leaseMs, changelogBytesMax },
      table: (partition) => {
        if (data === undefined)
          throw new TypeError("A node that leads partitions has a directory.");
        return sqliteNodeTable(join(data, `${app}-${partition}`), start);
      },
    });
  } catch (error) {
    await end();
    throw error;
  }
}

function newName(): string {
  return randomBytes(8).toString("hex");
}

/** A node is its directory: a process that starts again there has at once what it led before. */
function nameIn(data: string): string {
  const path = join(data, "node");
  if (!existsSync(path)) writeFileSync(path, newName(), { mode: 0o600 });
  const name = readFileSync(path, "utf8");
  return /^[0-9a-f]{16}$/.test(name) ? name : newName();
}

/** The client is an optional peer of this package: whoever uses a cluster installs it. */
async function client(): Promise<typeof import("./nats/client.ts")> {
  try {
    return await import("./nats/client.ts");
  } catch (cause) {
    const { code } = cause as { readonly code?: unknown };
    if (code !== "ERR_MODULE_NOT_FOUND") throw cause;
    const happened = "The NATS client is not installed: npm install @nats-io/transport-node.";
    throw unavailable(happened, cause);
  }
}

function sharedStart(): ReturnType<typeof inSharedThread> | undefined {
  const entry = workerEntry();
  return entry !== undefined && canThread() ? inSharedThread(entry) : undefined;
}

/** What is named by a path is read now: a missing file is an error at once. */
function read({ creds, tls, ...rest }: NatsAccess): Access {
  const text = (path: string | undefined): string | undefined => {
    return path === undefined ? undefined : readFileSync(path, "utf8");
  };
  return {
    ...rest,
    creds: text(creds),
    tls: tls && { ca: text(tls.ca), cert: text(tls.cert), key: text(tls.key) },
  };
}

/**
 * Registers the app and makes its streams, as a user who may; the nodes' own user then need not. Done
 * again it changes nothing.
 *
 * @throws HoldfastError `NATS_UNAVAILABLE`, `NATS_UNSUITABLE`.
 */
export async function prepareNats(options: NatsOptions): Promise<void> {
  const { app, partitions } = nats(options);
  const { replicas = 1, leaseMs, changelogBytesMax, servers } = options;
  const { openConnection, connectionOptions } = await client();
  const access = connectionOptions(servers, `holdfast ${app}`, read(options));
  const connection = await openConnection(access);
  try {
    checkServer(connection.version, wantedOf(options));
    const provisioned = { replicas, leaseMs, changelogBytesMax };
    const apps = new NatsApps(new JetStream(connection), provisioned);
    const secret = randomBytes(32).toString("hex");
    await apps.register({ app, partitions, secret, services: [] });
  } finally {
    await connection.close();
  }
}

function wantedOf({ replicas = 1, durability = "standard", sync = "interval" }: NatsOptions) {
  return { replicas, durability, sync } satisfies Wanted;
}

export type { SubscriptionOptions } from "./model/subscription.ts";
export type { NatsPermissions, Role, RolesOptions } from "./nats/permissions.ts";
export { natsPermissions } from "./nats/permissions.ts";
export type { Cluster } from "./ports/cluster.ts";
