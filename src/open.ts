// Engine.open(options): chooses storage, clock and telemetry for one engine, and gives it its public
// face. Wiring only.
import { Door } from "./engine/door.ts";
import type { EngineHost } from "./engine/engine-host.ts";
import { Ingress } from "./engine/ingress.ts";
import { Inspection } from "./engine/inspection.ts";
import type { ClusterView } from "./engine/partition-server.ts";
import { type EngineOptions, hostOf, telemetryOf } from "./hosts.ts";
import { HoldfastError } from "./model/errors.ts";
import type { BackupReport } from "./ports/backup.ts";
import type { Callable, Client, Invocation } from "./sdk/types.ts";
import { type Fetch, fetchOf } from "./server/fetch.ts";
import { HttpIngress, type IngressOptions } from "./server/ingress.ts";

/** A durable execution engine: hosts handlers, keeps what they did, and is the client to them. */
export class Engine implements Client, AsyncDisposable {
  readonly call: Client["call"];
  readonly send: Client["send"];
  readonly #host: EngineHost;
  readonly #handle: number;
  readonly #ingress: Ingress;
  /** @internal What protocols speak to. */
  readonly door: Door;
  #inspection: Inspection | undefined;

  /**
   * Opens an engine. Lazily: nothing is locked, read or run before the first call or `start()`.
   * Opening a directory that this process has open already hands its engine the new definitions.
   * An engine that serves keeps the process running until `close()`.
   *
   * @throws HoldfastError `SERVICE_DUPLICATE`, `NAME_INVALID`; from the first call on also
   * `DIRECTORY_LOCKED`, `CHANGELOG_DAMAGED`, …
   * @example
   * const engine = await Engine.open({ services: [cart], data: "./data" });
   */
  static open(options: EngineOptions): Promise<Engine> {
    return telemetryOf(options).then((telemetry) => new Engine(hostOf(options, telemetry)));
  }

  /** @internal */
  constructor(host: EngineHost) {
    this.#host = host;
    this.#handle = host.handle();
    this.#ingress = new Ingress(host);
    this.door = new Door(host);
    this.call = this.#ingress.call;
    this.send = this.#ingress.send;
  }

  /**
   * Answers requests over HTTP: the ingress, as docs/http-api.md has it, for any framework that has
   * a `Request` and wants a `Response`.
   *
   * @example
   * export default { fetch: engine.fetch };
   */
  get fetch(): Fetch {
    this.#fetch ??= this.ingress();
    return this.#fetch;
  }

  #fetch: Fetch | undefined;

  /**
   * The same with options: under a prefix, with tokens, for other hosts and origins.
   *
   * @example
   * const answer = engine.ingress({ prefix: "/api/holdfast" });
   */
  ingress(options: IngressOptions = {}): Fetch {
    return fetchOf(new HttpIngress(this.door, options));
  }

  /** Opens what is needed and lets what was waiting go on. Resolves when the engine serves. */
  async start(): Promise<this> {
    await this.#host.start();
    return this;
  }

  /**
   * The cluster this engine is a node of: its apps, and what the leader of each partition says.
   *
   * @throws HoldfastError `NATS_UNAVAILABLE`, …; TypeError for an engine that stands alone.
   */
  cluster(): Promise<ClusterView> {
    const view = this.#host.view?.();
    if (view !== undefined) return view;
    return Promise.reject(new TypeError("This engine is no node of a cluster."));
  }

  invocation<O = unknown>(id: string): Invocation<O> {
    return this.#ingress.invocation(id);
  }

  workflow: Client["workflow"] = ((target: Callable<"workflow">, key: string) =>
    this.#ingress.run(target, key)) as Client["workflow"];

  awakeable(id: string): ReturnType<Client["awakeable"]> {
    return this.#ingress.awakeable(id);
  }

  signal(id: string, name: string, value?: unknown): Promise<void> {
    return this.#ingress.signal(id, name, value);
  }

  /** Ends it without letting it clean up, and the calls it waits for with it. */
  kill(id: string, options: { readonly withSends?: boolean | undefined } = {}): Promise<void> {
    return this.#ingress.operate("kill", () => id, options.withSends);
  }

  /** Holds it where it is until it is resumed. */
  pause(id: string): Promise<void> {
    return this.#ingress.operate("pause", () => id);
  }

  /** Lets a paused invocation go on, or one that backs off try again now. */
  resume(id: string): Promise<void> {
    return this.#ingress.operate("resume", () => id);
  }

  /** Forgets a completed invocation now. */
  purge(id: string): Promise<void> {
    return this.#ingress.operate("purge", () => id);
  }

  /**
   * Runs a completed invocation again, as a new one with the same input: afresh, or keeping the
   * first `from` entries of its journal.
   *
   * @throws HoldfastError `RESTART_UNSAFE` when what is kept waits for an awakeable, unless `unsafe`.
   */
  restart(
    id: string,
    options: { readonly from?: number | undefined; readonly unsafe?: boolean | undefined } = {},
  ): Promise<Invocation<unknown>> {
    const { from = 0, unsafe = false } = options;
    return this.#ingress.restart(id, from, unsafe);
  }

  /**
   * Edits the state of a key; null removes a name. An edit waits its turn behind what holds the key
   * and what waits there, as a call would, and is answered once it is made and durable. `version` is
   * compared when its turn comes.
   *
   * @throws HoldfastError `STATE_CONFLICT`, `STATE_TOO_LARGE`, `INBOX_FULL`.
   */
  editState(
    target: Callable,
    key: string,
    values: Readonly<Record<string, unknown>>,
    options: { readonly clear?: boolean | undefined; readonly version?: number | undefined } = {},
  ): Promise<void> {
    return this.#ingress.editState(target, key, values, options);
  }

  /**
   * Makes a backup in the folder `to` while work goes on: everything that was acknowledged before
   * the call is in it. It is read back before this resolves; `holdfast restore` makes a data
   * directory of it. `to` must be empty or absent.
   *
   * @throws HoldfastError `TARGET_NOT_EMPTY`, `DISK_FULL`, `BACKUP_FAILED`; `BACKUP_UNAVAILABLE`
   * for an engine in memory and for a node of a cluster.
   * @example
   * const { position } = await engine.backup("./backups/today");
   */
  async backup(to: string): Promise<BackupReport> {
    if (this.#host.backup === undefined) throw new HoldfastError("BACKUP_UNAVAILABLE");
    return this.#host.backup(to);
  }

  /** What operators look at: invocations and their journals, state, promises, timers, and why. */
  get inspect(): Inspection {
    const host = this.#host;
    this.#inspection ??= new Inspection({
      partitions: () => host.inspectors(),
      registry: host.registry,
    });
    return this.#inspection;
  }

  /**
   * Lets running steps end within the deadline, makes all durable, and lets the data go. Twice is
   * once. Where a newer `open` of the same directory has taken the engine over, it does nothing:
   * the engine is the newer handle's to close.
   */
  close(): Promise<void> {
    return this.#host.closeBy(this.#handle);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
