// One engine behind its handles: opens its partition when it is first needed, takes over newer
// definitions, closes once. Several handles of one directory in one process share a host (a hot
// reload evaluates a module twice); the newest owns it.
import { HoldfastError } from "../model/errors.ts";
import type { Storage } from "../ports/storage.ts";
import type { Callable } from "../sdk/types.ts";
import type { Report } from "./events.ts";
import { Partition, type PartitionWorld } from "./partition.ts";
import { Registry } from "./registry.ts";

export interface HostParts {
  readonly storage: Storage;
  readonly world: Omit<
    PartitionWorld,
    "storage" | "registry" | "onFatal" | "durability" | "report"
  >;
  report: Report;
  onFatal(error: unknown): void;
  /** Told when it is open, and when it is closed or has failed. */
  onOpen(): void;
  onClose(): void;
  readonly closeTimeoutMs: number;
}

export class Host {
  readonly registry: Registry;
  readonly #parts: HostParts;
  #opening: Promise<Partition> | undefined;
  #partition: Partition | undefined;
  #closing: Promise<void> | undefined;
  #failed: unknown;

  constructor(parts: HostParts, services: readonly Callable[]) {
    this.#parts = parts;
    this.registry = new Registry(services);
  }

  get opened(): Partition | undefined {
    return this.#partition;
  }

  get closed(): boolean {
    return this.#closing !== undefined;
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
  replace(services: readonly Callable[]): void {
    this.registry.replace(services);
    this.#partition?.codeChanged();
  }

  async #open(): Promise<Partition> {
    const { storage, world, report, onOpen } = this.#parts;
    const onFatal = (error: unknown): void => this.#fail(error);
    try {
      const opened = await storage.open({ onFatal });
      try {
        const registry = this.registry;
        const durability = storage.promise;
        const all = { ...world, registry, report, durability, onFatal, storage: opened };
        this.#partition = await Partition.open(all);
        this.#close = opened.close.bind(opened);
      } catch (error) {
        await opened.close().catch(() => {});
        throw error;
      }
      onOpen();
      return this.#partition;
    } catch (error) {
      this.#opening = undefined;
      throw error;
    }
  }

  #close: () => Promise<void> = () => Promise.resolve();

  #fail(error: unknown): void {
    if (this.#failed !== undefined || this.#closing !== undefined) return;
    this.#failed = error;
    const failure = error instanceof Error ? error.message : String(error);
    this.#parts.report({ kind: "stopped", failure });
    this.#parts.onClose();
    void this.#close().catch(() => {});
    this.#parts.onFatal(error);
  }

  /** Ends as a process that dies does: nothing more is done or written. For tests. */
  abandon(error: unknown): void {
    if (this.#failed !== undefined || this.#closing !== undefined) return;
    this.#failed = error;
    this.#partition?.abandon(error);
    this.#parts.onClose();
  }

  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<void> {
    const opening = this.#opening;
    if (opening === undefined || this.#failed !== undefined) return;
    const partition = await opening.catch(() => undefined);
    if (partition === undefined) return;
    await partition.close(this.#parts.closeTimeoutMs);
    await this.#close();
    this.#parts.report({ kind: "stopped", failure: undefined });
    this.#parts.onClose();
  }
}
