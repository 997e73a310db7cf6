// Engine.open(options): chooses storage, clock and telemetry for one engine, and gives it its public
// face. Wiring only.
import { platform } from "#platform";
import { Door } from "./engine/door.ts";
import { eventLine } from "./engine/event-line.ts";
import type { EngineEvent } from "./engine/events.ts";
import { Folding } from "./engine/folding.ts";
import { Host, type HostOptions } from "./engine/host.ts";
import { Ingress } from "./engine/ingress.ts";
import { Inspection } from "./engine/inspection.ts";
import { Minter } from "./engine/minter.ts";
import type { PartitionOptions } from "./engine/partition.ts";
import { MemoryStorage } from "./local/memory-storage.ts";
import { durationMs } from "./model/duration.ts";
import { attemptsOpenMax } from "./model/limits.ts";
import type { Clock } from "./ports/clock.ts";
import type { Storage } from "./ports/storage.ts";
import type { Callable, Client, Duration, Invocation } from "./sdk/types.ts";
import { type Fetch, fetchOf } from "./server/fetch.ts";
import { HttpIngress, type IngressOptions } from "./server/ingress.ts";

export interface EngineOptions {
  /** What this engine hosts: what `service`, `object`, `workflow` and `implement` returned. */
  readonly services: readonly Callable[];
  /** A directory, made when it is missing; or `memory()`. One process at a time may hold it. */
  readonly data: string | Storage;
  /**
   * Development: an await outside the journal is an error rather than an event. Default: whether
   * NODE_ENV is not "production".
   */
  readonly dev?: boolean | undefined;
  /** Told what happens, typed. Default: warnings are written to the standard error. */
  readonly onEvent?: ((event: EngineEvent) => void) | undefined;
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
  readonly options: Partial<PartitionOptions>;
}

/** Storage that forgets with the process: for tests, demonstrations and browsers. */
export function memory(): Storage {
  const { clock } = platform;
  return new MemoryStorage((cold) => new Folding({ cold, clock, stretchBytes: 1 << 20 }));
}

/** A durable execution engine: hosts handlers, keeps what they did, and is the client to them. */
export class Engine implements Client, AsyncDisposable {
  readonly call: Client["call"];
  readonly send: Client["send"];
  readonly #host: Host;
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
    return Promise.resolve().then(() => new Engine(hostOf(options)));
  }

  /** @internal */
  constructor(host: Host) {
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
    await this.#host.partition();
    return this;
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

  /** What operators look at: invocations and their journals, state, promises, timers, and why. */
  get inspect(): Inspection {
    const host = this.#host;
    this.#inspection ??= new Inspection({
      partitions: async () => [(await host.partition()).inspector],
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

function hostOf(options: EngineOptions): Host {
  if (typeof options !== "object" || options === null || !Array.isArray(options.services)) {
    throw new TypeError('Engine.open({ services: [...], data: "./data" }): services is no array.');
  }
  const { data } = options;
  if (typeof data !== "string") return makeHost(options, data, () => {});
  const path = platform.canonicalPath(data);
  const open = openHosts();
  const found = open.get(path);
  if (found?.usable === true) {
    found.replace(options.services, hostOptionsOf(options));
    return found;
  }
  const allowRemote = options.allowRemoteData ?? false;
  const storage = platform.fileStorage({ directory: path, allowRemote });
  const onClosed = (): void => {
    if (open.get(path) === host) open.delete(path);
  };
  // One that closes holds the directory until it has: the next waits rather than being refused.
  const host: Host = makeHost(options, storage, onClosed, undefined, found?.ended);
  open.set(path, host);
  return host;
}

function hostOptionsOf(options: EngineOptions): HostOptions {
  return {
    report: options.onEvent === undefined ? warn : guarded(options.onEvent),
    closeTimeoutMs: durationMs(options.closeTimeout ?? "10s"),
    onFatal: options.onFatal ?? ((error) => platform.warn(`holdfast: stopped: ${String(error)}`)),
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
  world?: EngineWorld,
  after?: Promise<void>,
): Host {
  const { clock = platform.clock, randomBytes = platform.randomBytes } = world ?? {};
  const minter = new Minter(randomBytes);
  const strict = options.dev ?? globalThis.process?.env["NODE_ENV"] !== "production";
  let unwatch = (): void => {};
  let release = (): void => {};
  return new Host(
    {
      ...hostOptionsOf(options),
      storage,
      after,
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
      world: {
        clock,
        mint: world?.mint ?? (() => minter.mint()),
        random: world?.random ?? Math.random,
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
      },
    },
    options.services,
  );
}

/** What is told of events is the program's: where it throws, the engine goes on, and says so once. */
function guarded(onEvent: (event: EngineEvent) => void): (event: EngineEvent) => void {
  let said = false;
  return (event) => {
    try {
      onEvent(event);
    } catch (error) {
      if (said) return;
      said = true;
      const failure = error instanceof Error ? (error.stack ?? error.message) : String(error);
      platform.warn(`holdfast: onEvent threw at "${event.kind}", and is called on: ${failure}`);
    }
  };
}

function warn(event: EngineEvent): void {
  const line = eventLine(event, platform.format);
  if (line !== undefined) platform.warn(line);
}
