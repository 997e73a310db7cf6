// The streams of an app: how each is made, and made only when the app is first registered.
import { HoldfastError } from "../model/errors.ts";
import { halted } from "./halt.ts";
import { type JetStream, Refusal, type StreamConfig, type StreamInfo } from "./jetstream.ts";
import { changelogNames, copyNames, leaseNames, markNames, type StreamNames } from "./names.ts";

export interface ProvisionOptions {
  readonly replicas: number;
  /** Until a lease is lost that is not renewed. Default 15 s: NATS itself may take 9 to go on. */
  readonly leaseMs?: number | undefined;
  /** Bytes one changelog may have; what is over it waits. Default unlimited. */
  readonly changelogBytesMax?: number | undefined;
}

export const leaseMsDefault = 15_000;
const nanosecondsPerMs = 1_000_000;
/** Streams made at once: more would only queue up at JetStream's own leader. */
const atOnce = 4;

/** Makes the streams of an app that has none, and answers when each was made. */
export async function provision(
  jetstream: JetStream,
  app: string,
  partitions: number,
  options: ProvisionOptions,
): Promise<Readonly<Record<string, string>>> {
  const configs = [leaseConfig(app, options), markConfig(app, options), copyConfig(app, options)];
  for (let partition = 0; partition < partitions; partition++) {
    configs.push(changelogConfig(app, partition, options));
  }
  const made: Record<string, string> = {};
  for (let at = 0; at < configs.length; at += atOnce) {
    const some = configs.slice(at, at + atOnce).map((config) => createFresh(jetstream, config));
    for (const { config, created } of await Promise.all(some)) made[config.name] = created;
  }
  return made;
}

export function changelogConfig(
  app: string,
  partition: number,
  { replicas, changelogBytesMax = -1 }: ProvisionOptions,
): StreamConfig {
  return {
    ...durable(changelogNames(app, partition), replicas),
    discard: "new",
    max_bytes: changelogBytesMax,
    allow_direct: true,
  };
}

/** One message per name, which expires. */
function leaseConfig(app: string, { replicas, leaseMs = leaseMsDefault }: ProvisionOptions) {
  const { stream, subject } = leaseNames(app);
  const config = durable({ stream, subject: `${subject}.*` }, replicas);
  return { ...config, max_msgs_per_subject: 1, max_age: leaseMs * nanosecondsPerMs };
}

/** One message per partition, which does not. */
function markConfig(app: string, { replicas }: ProvisionOptions): StreamConfig {
  const { stream, subject } = markNames(app);
  return { ...durable({ stream, subject: `${subject}.*` }, replicas), max_msgs_per_subject: 1 };
}

/** Chunks of copies: a subject per copy. */
function copyConfig(app: string, { replicas }: ProvisionOptions): StreamConfig {
  const { stream, subject } = copyNames(app);
  return { ...durable({ stream, subject: `${subject}.>` }, replicas), allow_direct: true };
}

export function durable({ stream, subject }: StreamNames, replicas: number): StreamConfig {
  return {
    name: stream,
    subjects: [subject],
    num_replicas: replicas,
    retention: "limits",
    storage: "file",
    discard: "old",
    // Message ids are not used: the shortest window there is.
    duplicate_window: 100 * nanosecondsPerMs,
    deny_delete: true,
  };
}

export function createChangelog(
  jetstream: JetStream,
  app: string,
  partition: number,
  options: ProvisionOptions,
): Promise<StreamInfo> {
  return jetstream.create(changelogConfig(app, partition, options));
}

const nameInUse = 10058;
/** Servers of a cluster that do not know each other yet. */
const noPeers = [10005, 10074];

/** A stream that holds something belongs to an app whose registration was lost. */
async function createFresh(jetstream: JetStream, config: StreamConfig): Promise<StreamInfo> {
  const info = await created(jetstream, config);
  if (info.state.last_seq === 0) return info;
  throw halted(config.name, "foreign", { last_seq: info.state.last_seq });
}

/** Makes a stream, or finds it made. A cluster that has just been started may need a while. */
export async function created(jetstream: JetStream, config: StreamConfig): Promise<StreamInfo> {
  for (const over = jetstream.patience(); ; await jetstream.pause(200)) {
    try {
      return await jetstream.create(config);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const there = error.number === nameInUse ? await jetstream.info(config.name) : undefined;
      if (there !== undefined) return there;
      if (noPeers.includes(error.number) && !over()) continue;
      throw new HoldfastError("NATS_UNSUITABLE", {
        happened: `Stream ${config.name} cannot be made: ${error.message}.`,
        fix: "See docs/cluster.md for what the servers and the account must allow.",
        cause: error,
        data: { stream: config.name, replicas: config.num_replicas },
      });
    }
  }
}
