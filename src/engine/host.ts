// One engine behind its handles: opens its partition when it is first needed, takes over newer
// definitions, closes once. Several handles of one directory in one process share a host (a hot
// reload evaluates a module twice); the newest owns it.
import { HoldfastError, isHoldfastError } from "../model/errors.ts";
import type { Home } from "../model/invocation-id.ts";
import type { BackupReport } from "../ports/backup.ts";
import type { OpenStorage, Storage } from "../ports/storage.ts";
import type { Telemetry } from "../ports/telemetry.ts";
import type { Callable } from "../sdk/types.ts";
import type { EngineHost, HostOptions } from "./engine-host.ts";
import type { EngineEvent } from "./events.ts";
import type { Inspector } from "./inspect.ts";
import { Partition } from "./partition.ts";
import type { PartitionWorld } from "./partition-world.ts";
import { Registry } from "./registry.ts";

export interface HostParts extends HostOptions {
  readonly storage: Storage;
  /** An engine that had this storage open resolves it when it has let it go. */
  readonly after?: Promise<void> | undefined;
  readonly world: Omit<
    PartitionWorld,
    "storage" | "registry" | "onFatal" | "durability" | "report"
  >;
  /** Told when it is open, and when it is closed or has failed. */
  onOpen(): void;
  onClose(): void;
}

export class Host implements EngineHost {
  readonly registry: Registry;
  readonly #parts: HostParts;
  #options: HostOptions;
  /** How many handles there have been; the newest owns the engine. */
  #handles = 0;
  #opening: Promise<Partition> | undefined;
  #partition: Partition | undefined;
  #closing: Promise<void> | undefined;
  #failed: unknown;

  constructor(parts: HostParts, services: readonly Callable[]) {
    this.#parts = parts;
    this.#options = parts;
    this.registry = new Registry(services);
  }

  get opened(): Partition | undefined {
    return this.#partition;
  }

  /** Tells whoever runs this engine. */
  report(event: EngineEvent): void {
    this.#options.report(event);
  }

  /** Whether another handle may join: it neither closes nor has failed. */
  get usable(): boolean {
    return this.#closing === undefined && this.#failed === undefined;
  }

  /** Resolves when a host that is not usable any more has let its storage go. */
  get ended(): Promise<void> {
    return (this.#closing ?? this.#lettingGo).catch(() => {});
  }

  /** A number for one more handle, which owns the engine from now on. */
  handle(): number {
    return ++this.#handles;
  }

  async start(): Promise<void> {
    await this.partition();
  }

  async backup(to: string): Promise<BackupReport> {
    const partition = await this.partition();
    const storage = this.#storage;
    if (storage?.backup === undefined) throw new HoldfastError("BACKUP_UNAVAILABLE");
    await partition.fold();
    if (this.#failed !== undefined) throw new HoldfastError("ENGINE_FAILED");
    return storage.backup(to);
  }

  async inspectors(): Promise<Inspector[]> {
    return [(await this.partition()).inspector];
  }

  /** Here one partition serves all. */
  deskFor(): Partition | Promise<Partition> {
    return this.partition();
  }

  deskOf(): Partition | Promise<Partition> {
    return this.partition();
  }

  get telemetry(): Telemetry | undefined {
    return this.#parts.world.telemetry;
  }

  get home(): Home | undefined {
    return this.#partition?.tables.meta;
  }

  /** The open partition; opens it the first time. */
  partition(): Partition | Promise<Partition> {
    if (this.#failed !== undefined) {
      return Promise.reject(new HoldfastError("ENGINE_FAILED", { cause: this.#failed }));
    }
    if (this.#closing !== undefined) return Promise.reject(new HoldfastError("ENGINE_CLOSED"));
    if (this.#partition !== undefined) return this.#partition;
    this.#opening ??= this.#open();
    return this.#opening;
  }

  /** Other definitions: new attempts run them, open ones finish on theirs. */
  replace(services: readonly Callable[], options: HostOptions = this.#options): void {
    this.registry.replace(services);
    this.#options = options;
    this.#partition?.codeChanged();
  }

  async #open(): Promise<Partition> {
    try {
      await this.#parts.after;
      // A table found damaged is dropped, and rebuilt at once.
      const partition = await this.#tryOpen().catch((error: unknown) => {
        if (this.#failed !== undefined || !rebuildable(error)) throw error;
        return this.#tryOpen();
      });
      this.#partition = partition;
      this.#parts.onOpen();
      return partition;
    } catch (error) {
      this.#opening = undefined;
      throw error;
    }
  }

  async #tryOpen(): Promise<Partition> {
    const opened = await this.#parts.storage.open({ onFatal: (error) => this.#fail(error) });
    try {
      const partition = await this.#opened(opened);
      this.#storage = opened;
      return partition;
    } catch (error) {
      await opened.close().catch(() => {});
      if (rebuildable(error)) opened.discardTable?.();
      throw error;
    }
  }

  async #opened(storage: OpenStorage): Promise<Partition> {
    const { registry } = this;
    const { world, storage: of } = this.#parts;
    const partition = await Partition.open({
      ...world,
      registry,
      report: (event) => this.#options.report(event),
      durability: of.promise,
      onFatal: (error) => this.#fail(error),
      storage,
    });
    // What failed meanwhile has been told already.
    if (this.#failed !== undefined) throw this.#failed;
    return partition;
  }

  #storage: OpenStorage | undefined;
  #lettingGo: Promise<void> = Promise.resolve();

  #fail(error: unknown): void {
    if (this.#failed !== undefined || this.#closing !== undefined) return;
    this.#failed = error;
    const failure = error instanceof Error ? error.message : String(error);
    const { report, onFatal } = this.#options;
    report({ kind: "stopped", failure });
    this.#lettingGo = this.#letGo(error);
    this.#parts.onClose();
    onFatal(error);
  }

  async #letGo(error: unknown): Promise<void> {
    const storage = this.#storage;
    if (storage === undefined) return;
    await storage.close().catch(() => {});
    if (rebuildable(error)) storage.discardTable?.();
  }

  /** Ends as a process that dies does: nothing more is done or written. For tests. */
  abandon(error: unknown): void {
    if (this.#failed !== undefined || this.#closing !== undefined) return;
    this.#failed = error;
    this.#partition?.abandon(error);
    this.#parts.onClose();
  }

  /** Closes for the handle with this number; does nothing once there is a newer one. */
  closeBy(handle: number): Promise<void> {
    return handle === this.#handles ? this.close() : Promise.resolve();
  }

  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<void> {
    if (this.#failed !== undefined) return this.#lettingGo;
    try {
      const partition = await this.#opening?.catch(() => undefined);
      if (partition === undefined) return;
      await partition.close(this.#options.closeTimeoutMs);
      await this.#storage?.close();
      this.#options.report({ kind: "stopped", failure: undefined });
    } finally {
      this.#parts.onClose();
    }
  }
}

/** A table that failed a check is a cache that is rebuilt; one that disagrees is a witness (R15). */
function rebuildable(error: unknown): boolean {
  if (!isHoldfastError(error, "TABLE_DAMAGED")) return false;
  return ((error.data ?? {}) as { readonly witness?: boolean }).witness !== true;
}
