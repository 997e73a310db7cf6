// What stands behind an engine: one process with its storage, or a node of a cluster; chosen by the
// options, on what the platform offers. Wiring only.
import { platform } from "#platform";
import { ClusterNode } from "./engine/cluster-node.ts";
import type { EngineHost, HostOptions } from "./engine/engine-host.ts";
import { eventLine } from "./engine/event-line.ts";
import type { EngineEvent } from "./engine/events.ts";
import { Folding } from "./engine/folding.ts";
import { Host, type HostParts } from "./engine/host.ts";
import { type Logger, logTo } from "./engine/logger.ts";
import { Minter } from "./engine/minter.ts";
import type { PartitionOptions } from "./engine/partition-world.ts";
import { MemoryStorage } from "./local/memory-storage.ts";
import { durationMs } from "./model/duration.ts";
import { noApp, tagOf } from "./model/ids.ts";
import { attemptsOpenMax } from "./model/limits.ts";
import type { OpenTelemetry } from "./otel/api.ts";
import type { OnVisitor } from "./platform.ts";
import type { Clock } from "./ports/clock.ts";
import type { Cluster } from "./ports/cluster.ts";
import type { Storage } from "./ports/storage.ts";
import type { Telemetry } from "./ports/telemetry.ts";
import type { Callable, Duration } from "./sdk/types.ts";

export interface EngineOptions {
  /** What this engine hosts: what `service`, `object`, `workflow` and `implement` returned. */
  readonly services: readonly Callable[];
  /**
   * A directory, made when it is missing; or `memory()`. One process at a time may hold it.
   * Default "./data".
   */
  readonly data?: string | Storage | undefined;
  /**
   * Makes it a node of a cluster: `nats({ servers, app })` of "holdfast/nats". `data` then holds
   * this node's tables, a cache. A node without services leads nothing: it is a client.
   */
  readonly cluster?: Cluster | undefined;
  /**
   * Development: an await outside the journal is an error rather than an event, and a data directory
   * that others may enter is taken. Default: whether NODE_ENV is not "production".
   */
  readonly dev?: boolean | undefined;
  /** Told what happens, typed. Default: warnings are written to the standard error. */
  readonly onEvent?: ((event: EngineEvent) => void) | undefined;
  /** Given the same as lines: a logger of pino's shape, which takes fields and then a message. */
  readonly logger?: Logger | undefined;
  /**
   * Spans and metrics through OpenTelemetry: the package "@opentelemetry/api", where the engine
   * cannot find it by itself; `false` for none. Default: that package, where an SDK has been
   * registered with it before the engine is opened.
   */
  readonly opentelemetry?: OpenTelemetry | false | undefined;
  /** Told of an error that ended the engine for good. Default: it is written to standard error. */
  readonly onFatal?: ((error: unknown) => void) | undefined;
  /** How long `close()` lets running steps go on. Default "10s". */
  readonly closeTimeout?: Duration | undefined;
  /** Completed invocations kept, beside those with a retention of their own. Default 10,000. */
  readonly keep?: number | undefined;
  /** How long an invocation waits in memory before it is suspended. Default "10s". */
  readonly suspendAfter?: Duration | undefined;
  /** Attempts that execute at a time. Default 10,000. */
  readonly concurrency?: number | undefined;
  /** Accept a data directory on a network file system, where locks and syncs may lie. */
  readonly allowRemoteData?: boolean | undefined;
}

/** What tests and simulation put in place of the world; not part of the public interface. */
export interface EngineWorld {
  readonly clock: Clock;
  readonly randomBytes: (length: number) => Uint8Array;
  /** From 0 up to, not including, 1: jitter. */
  readonly random?: () => number;
  /** Names of lives, where their order is to repeat. */
  readonly mint?: (() => string) | undefined;
  readonly telemetry?: Telemetry | undefined;
  readonly options: Partial<PartitionOptions>;
}

/** Storage that forgets with the process: for tests, demonstrations and browsers. */
export function memory(): Storage {
  const { clock } = platform;
  return new MemoryStorage((cold) => new Folding({ cold, clock, stretchBytes: 1 << 20 }));
}

/** Whom an engine tells of what it does; undefined where nobody listens. */
export async function telemetryOf(options: EngineOptions): Promise<Telemetry | undefined> {
  const { opentelemetry } = options ?? {};
  if (opentelemetry === false) return undefined;
  const api = opentelemetry ?? (await platform.opentelemetry?.());
  if (api === undefined) return undefined;
  // Only now: who has no tracing loads nothing for it.
  const { openTelemetry } = await import("./otel/telemetry.ts");
  return openTelemetry(api);
}

/** The host of an engine that is opened: a new one, or the one that has its directory open. */
export function hostOf(options: EngineOptions, telemetry?: Telemetry): EngineHost {
  if (typeof options !== "object" || options === null || !Array.isArray(options.services)) {
    throw new TypeError('Engine.open({ services: [...], data: "./data" }): services is no array.');
  }
  const { data = "./data", cluster } = options;
  if (cluster !== undefined) {
    if (typeof data === "string")
      return makeNode(options, cluster, platform.canonicalPath(data), { telemetry });
    throw new TypeError("data: a node of a cluster keeps its tables in a directory.");
  }
  if (typeof data !== "string") return makeHost(options, data, () => {}, { telemetry });
  const path = platform.canonicalPath(data);
  const open = openHosts();
  const found = open.get(path);
  if (found?.usable === true) {
    found.replace(options.services, hostOptionsOf(options));
    return found;
  }
  const allowRemote = options.allowRemoteData ?? false;
  let visited: OnVisitor | undefined;
  const onVisitor: OnVisitor = (visitor) =>
    (visited ??= platform.visitors?.(host, path))?.(visitor);
  const exclusive = !isDev(options);
  const storage = platform.fileStorage({ directory: path, allowRemote, exclusive, onVisitor });
  const onClosed = (): void => {
    if (open.get(path) === host) open.delete(path);
  };
  // One that closes holds the directory until it has: the next waits rather than being refused.
  const host: Host = makeHost(options, storage, onClosed, { telemetry }, found?.ended);
  open.set(path, host);
  return host;
}

function hostOptionsOf(options: EngineOptions): HostOptions {
  return {
    report: reportOf(options),
    closeTimeoutMs: durationMs(options.closeTimeout ?? "10s"),
    onFatal: options.onFatal ?? ((error) => platform.warn(`holdfast: stopped: ${String(error)}`)),
  };
}

function reportOf({ onEvent, logger }: EngineOptions): HostOptions["report"] {
  const told = onEvent && guarded(onEvent, "onEvent");
  if (logger === undefined) return told ?? warn;
  const logged = guarded(logTo(logger, platform.format), "logger");
  if (told === undefined) return logged;
  return (event) => {
    logged(event);
    told(event);
  };
}

/** Engines of this process by directory, whatever copy of this module opened them. */
function openHosts(): Map<string, Host> {
  const name = Symbol.for("holdfast.engines");
  const held = globalThis as { [name]?: Map<string, Host> };
  held[name] ??= new Map();
  return held[name];
}

/** @internal */
export function makeHost(
  options: EngineOptions,
  storage: Storage,
  onClosed: () => void,
  world?: Partial<EngineWorld>,
  after?: Promise<void>,
): Host {
  const told = { ...hostOptionsOf(options), ...alive(onClosed) };
  return new Host({ ...told, storage, after, world: worldOf(options, world) }, options.services);
}

/** @internal */
export function makeNode(
  options: EngineOptions,
  cluster: Cluster,
  data: string,
  world?: Partial<EngineWorld>,
): ClusterNode {
  const told = { ...hostOptionsOf(options), ...alive(() => {}) };
  const tag = tagOf(cluster.app);
  const parts = { ...told, cluster, data, world: worldOf(options, world, tag) };
  return new ClusterNode(parts, options.services);
}

/** While it is open the process goes on, and rejections of its handlers are attributed (R7). */
function alive(onClosed: () => void): Pick<HostParts, "onOpen" | "onClose"> {
  let unwatch = (): void => {};
  let release = (): void => {};
  return {
    onOpen: () => {
      // A caller may wait for a timer, or nobody at all: the work that sleeps here is still owed.
      release = platform.keepAlive();
      unwatch = platform.watchRejections();
    },
    onClose: () => {
      release();
      unwatch();
      onClosed();
    },
  };
}

function worldOf(
  options: EngineOptions,
  world: Partial<EngineWorld> | undefined,
  tag?: Uint8Array,
): HostParts["world"] {
  const { clock = platform.clock, randomBytes = platform.randomBytes } = world ?? {};
  const minter = new Minter(randomBytes, tag ?? tagOf(noApp));
  const strict = isDev(options);
  return {
    clock,
    mint: world?.mint ?? (() => minter.mint()),
    random: world?.random ?? Math.random,
    telemetry: world?.telemetry,
    attribute: (owner, body, code) => platform.context.run(body ? owner.bodies : owner, code),
    insideBody: () => platform.context.owner()?.body === true,
    options: {
      activeMax: options.concurrency ?? attemptsOpenMax,
      idleMax: 2000,
      suspendAfterMs: durationMs(options.suspendAfter ?? "10s"),
      strict,
      keepRows: 20_000,
      timerHorizonMs: 5000,
      timerPageMax: 1000,
      batchRecordsMax: 100_000,
      keepNewest: options.keep ?? 10_000,
      ...world?.options,
    },
  };
}

function isDev({ dev }: EngineOptions): boolean {
  return dev ?? globalThis.process?.env["NODE_ENV"] !== "production";
}

/** What is told of events is the program's: where it throws, the engine goes on, and says so once. */
function guarded(
  onEvent: (event: EngineEvent) => void,
  name: string,
): (event: EngineEvent) => void {
  let said = false;
  return (event) => {
    try {
      onEvent(event);
    } catch (error) {
      if (said) return;
      said = true;
      const failure = error instanceof Error ? (error.stack ?? error.message) : String(error);
      platform.warn(`holdfast: ${name} threw at "${event.kind}", and is called on: ${failure}`);
    }
  };
}

function warn(event: EngineEvent): void {
  const line = eventLine(event, platform.format);
  if (line !== undefined) platform.warn(line);
}
