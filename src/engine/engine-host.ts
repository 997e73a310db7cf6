// What an engine asks of whatever runs its partitions: one in this process, or a node of a cluster.
import type { BackupReport } from "../ports/backup.ts";
import type { Callable } from "../sdk/types.ts";
import type { DoorHost } from "./door.ts";
import type { Report } from "./events.ts";
import type { Inspector } from "./inspect.ts";
import type { ClusterView } from "./partition-server.ts";
import type { Registry } from "./registry.ts";

/** What a newer handle brings along. */
export interface HostOptions {
  readonly report: Report;
  readonly onFatal: (error: unknown) => void;
  readonly closeTimeoutMs: number;
}

export interface EngineHost extends DoorHost {
  readonly registry: Registry;
  /** A number for one more handle, which owns the engine from now on. */
  handle(): number;
  /** Opens it, if it is not open. Resolves when it serves. */
  start(): Promise<void>;
  /** Of the partitions that are here. */
  inspectors(): Promise<Inspector[]>;
  /** Undefined for one that stands alone. */
  view?(): Promise<ClusterView>;
  /** Undefined for a node of a cluster: what it holds is a cache of what others hold. */
  backup?(to: string): Promise<BackupReport>;
  replace(services: readonly Callable[]): void;
  /** Closes for the handle with this number; does nothing once there is a newer one. */
  closeBy(handle: number): Promise<void>;
}
