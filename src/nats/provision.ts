// The streams of an app: how each is made, and made only when the app is first registered.

import type { JetStream, StreamConfig, StreamInfo } from "./jetstream.ts";
import { changelogNames, type StreamNames } from "./names.ts";

export interface ProvisionOptions {
  readonly replicas: number;
  /** Bytes one changelog may have; what is over it waits. Default unlimited. */
  readonly changelogBytesMax?: number | undefined;
}

const second = 1_000_000_000;

export function changelogConfig(
  app: string,
  partition: number,
  { replicas, changelogBytesMax = -1 }: ProvisionOptions,
): StreamConfig {
  const { stream, subject } = changelogNames(app, partition);
  return {
    ...durable({ stream, subject }, replicas),
    discard: "new",
    max_bytes: changelogBytesMax,
    allow_direct: true,
  };
}

function durable({ stream, subject }: StreamNames, replicas: number): StreamConfig {
  return {
    name: stream,
    subjects: [subject],
    num_replicas: replicas,
    retention: "limits",
    storage: "file",
    discard: "old",
    // Message ids are not used: the shortest window there is.
    duplicate_window: second / 10,
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
