// An engine with its ingress and its admin side, as `serve` and `dev` run it: opened, listened on,
// and ended in order within a deadline.
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { BackupSender } from "../backup-sender.ts";
import type { EngineEvent } from "../engine/events.ts";
import { SqlProcess } from "../local/sql-process.ts";
import type { SubscriptionOptions } from "../model/subscription.ts";
import { Engine } from "../open.ts";
import type { Callable } from "../sdk/types.ts";
import { Admin, type AdminOptions } from "../server/admin.ts";
import { parseAdminToken } from "../server/admin-auth.ts";
import { hostsOf, type Listener, listen } from "../server/listener.ts";
import { nodeHandlerOf } from "../server/node-http.ts";
import { serve } from "../server/serve.ts";
import { utf8 } from "../std/bytes.ts";
import { sha256 } from "../std/sha256.ts";
import { adminTokenPath, ensureAdminToken } from "./admin-token.ts";
import { clusterOf } from "./cluster-of.ts";
import { type Credentials, credentialsOf } from "./credentials.ts";
import { UsageError } from "./exit.ts";
import type { Settings } from "./settings.ts";
import { version } from "./version.ts";

export interface ServingOptions {
  readonly services: readonly Callable[];
  readonly subscriptions?: readonly SubscriptionOptions[] | undefined;
  readonly settings: Settings;
  readonly dev?: boolean | undefined;
  onEvent(event: EngineEvent): void;
  onFatal(error: unknown): void;
  /** Routes beside those of the admin side. */
  readonly routes?: AdminOptions["routes"];
}

export class Serving {
  #engine: Engine;
  readonly admin: Admin;
  readonly ingressUrl: string;
  readonly adminUrl: string;
  /** Where the admin token lies. */
  readonly tokenPath: string;
  readonly #listeners: readonly Listener[];
  readonly #sql: SqlProcess;
  readonly #options: ServingOptions;

  get engine(): Engine {
    return this.#engine;
  }

  /** @throws HoldfastError, UsageError: then nothing is left open. */
  static async start(options: ServingOptions): Promise<Serving> {
    const credentials = credentialsOf(options.settings);
    const engine = await openEngine(options);
    const opened: (() => Promise<void> | void)[] = [() => engine.close()];
    try {
      await engine.start();
      const { settings } = options;
      const ingress = await serve(engine, {
        host: settings.host,
        port: settings.port,
        insecureBind: settings.insecureBind,
        drainTimeout: settings.drain as `${number}s`,
        origins: settings.origins,
        ...credentials,
        ...(settings.tokens.length > 0 ? { tokens: settings.tokens } : {}),
        ...hostsFor(settings.host, settings.hosts),
      });
      opened.unshift(() => ingress.close());
      const sql = new SqlProcess({ entry: sqlEntry() });
      const backups = new BackupSender(engine, settings.data);
      const admin = adminFor(engine, options, ingress.url, { sql, backups, jwt: credentials.jwt });
      const listener = await listen(
        nodeHandlerOf((request) => admin.answer(request)),
        {
          host: settings.adminHost,
          port: settings.adminPort,
          insecureBind: settings.insecureBind,
          authenticated: true,
          tls: credentials.tls,
          // What an open stream of events would otherwise hold up.
          drainTimeout: 0,
        },
      );
      return new Serving(engine, admin, [ingress, listener], sql, options);
    } catch (error) {
      for (const close of opened) await close();
      throw error;
    }
  }

  private constructor(
    engine: Engine,
    admin: Admin,
    listeners: readonly [Listener, Listener],
    sql: SqlProcess,
    options: ServingOptions,
  ) {
    this.#engine = engine;
    this.#options = options;
    this.admin = admin;
    this.#listeners = listeners;
    this.#sql = sql;
    this.ingressUrl = listeners[0].url;
    this.adminUrl = listeners[1].url;
    this.tokenPath = adminTokenPath(options.settings.data);
  }

  /** Other definitions: new attempts run them, open ones finish on theirs. */
  async replace(services: readonly Callable[]): Promise<void> {
    // An engine that is open already takes them over, and is the newest handle's to close.
    this.#engine = await openEngine({ ...this.#options, services });
  }

  /** Takes no more requests, lets running steps end within the deadline, makes all durable. */
  async close(): Promise<void> {
    this.#sql.close();
    // The engine first answers those who still wait; the listeners wait for these answers.
    await Promise.all([...this.#listeners.map((one) => one.close()), this.#engine.close()]);
  }
}

function openEngine({
  services,
  subscriptions,
  settings,
  dev,
  onEvent,
  onFatal,
}: ServingOptions): Promise<Engine> {
  return Engine.open({
    services,
    data: settings.data,
    dev: dev ?? false,
    closeTimeout: settings.drain as `${number}s`,
    concurrency: settings.concurrency,
    suspendAfter: settings.suspendAfter as `${number}s`,
    keep: settings.keep,
    allowRemoteData: settings.allowRemoteData,
    cluster: clusterOf(settings, settings.app, subscriptions),
    onEvent,
    onFatal,
  });
}

interface AdminHelp {
  readonly sql: SqlProcess;
  readonly backups: BackupSender;
  readonly jwt: Credentials["jwt"];
}

function adminFor(
  engine: Engine,
  { settings, routes }: ServingOptions,
  ingressUrl: string,
  { sql, backups, jwt }: AdminHelp,
): Admin {
  const own = sha256(utf8(ensureAdminToken(settings.data)));
  const others = settings.adminTokens.map((text) => {
    try {
      return parseAdminToken(text);
    } catch (error) {
      throw new UsageError((error as Error).message);
    }
  });
  return new Admin(engine, {
    version: version(),
    tokens: [{ role: "admin", sha256: own }, ...others],
    randomBytes: (length) => randomBytes(length),
    // Who has the token may make sessions anyway; with it, they outlive this process.
    secret: own,
    now: () => Date.now(),
    monotonic: () => performance.now(),
    sql: (path, query) => sql.ask(path, query),
    backup: () => backups.send(),
    memoryBytes: () => process.memoryUsage.rss(),
    ingressUrl,
    origins: [],
    jwt,
    routes,
    ...hostsFor(settings.adminHost, settings.hosts),
  });
}

/** Loopback's own names always, and those that were named. */
function hostsFor(host: string, named: readonly string[]): { readonly hosts?: readonly string[] } {
  const own = hostsOf(host);
  if (own === undefined && named.length === 0) return {};
  return { hosts: [...(own ?? []), ...named] };
}

function sqlEntry(): URL {
  const compiled = new URL("../sql-worker.js", import.meta.url);
  return existsSync(compiled) ? compiled : new URL("../sql-worker.ts", import.meta.url);
}
