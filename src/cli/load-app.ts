// Loads the modules of an app: TypeScript natively where Node has it, else through tsx, which is the
// app's or ours; JavaScript as it is. What they export of definitions is what is hosted. A reload
// evaluates them anew, with all they import outside node_modules, and the old ones go on.
import { existsSync } from "node:fs";
import * as nodeModule from "node:module";
import { extname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { SubscriptionOptions } from "../model/subscription.ts";
import { specOf } from "../sdk/definition.ts";
import type { Callable } from "../sdk/types.ts";
import { UsageError } from "./exit.ts";

export interface App {
  readonly services: readonly Callable[];
  /** What they export under the name `subscriptions`. */
  readonly subscriptions: readonly SubscriptionOptions[];
  /** The files that were named. */
  readonly files: readonly string[];
}

const typescript = /^\.[cm]?ts$|^\.tsx$/;

/** Loads modules; each call evaluates them anew. */
export class AppLoader {
  readonly #files: readonly string[];
  #loads = 0;

  /** @throws UsageError for a file that is not there. */
  constructor(modules: readonly string[]) {
    this.#files = modules.map((name) => {
      const path = resolve(name);
      if (!existsSync(path)) throw new UsageError(`${name}: there is no such file.`);
      return path;
    });
  }

  /** @throws UsageError when they export no definition; what a module throws. */
  async load(): Promise<App> {
    const generation = this.#loads++;
    const services = new Map<string, Callable>();
    const subscriptions: SubscriptionOptions[] = [];
    for (const file of this.#files) {
      const exports = await importFile(file, generation);
      const found = definitionsOf(exports);
      subscriptions.push(...subscriptionsOf(file, exports));
      if (found.length === 0) {
        throw new UsageError(
          `${file} exports no definition: export what service(), object() or workflow() returned.`,
        );
      }
      // The same definition may be exported by several modules; two of one name are the engine's
      // to refuse.
      for (const service of found) services.set(`${service.name} ${identity(service)}`, service);
    }
    return { services: [...services.values()], subscriptions, files: this.#files };
  }
}

const identities = new WeakMap<object, number>();
let identified = 0;

function identity(service: object): number {
  const known = identities.get(service) ?? ++identified;
  identities.set(service, known);
  return known;
}

/** What is in them is checked when a cluster is made of them. */
function subscriptionsOf(file: string, exports: object): SubscriptionOptions[] {
  const { subscriptions = [] } = exports as { readonly subscriptions?: unknown };
  if (Array.isArray(subscriptions)) return subscriptions as SubscriptionOptions[];
  throw new UsageError(`${file} exports subscriptions that are no list.`);
}

/** Definitions among the exports, and in exported lists of them. */
function definitionsOf(exports: object): Callable[] {
  const found = new Set<Callable>();
  for (const value of Object.values(exports) as unknown[]) {
    for (const one of Array.isArray(value) ? (value as unknown[]) : [value]) {
      if (specOf(one) !== undefined) found.add(one as Callable);
    }
  }
  return [...found];
}

/** Evaluates one file, TypeScript or not; a number other than 0 evaluates it anew. */
export async function importFile(name: string, generation = 0): Promise<object> {
  const file = resolve(name);
  const url = pathToFileURL(file).href;
  if (!typescript.test(extname(file)) || nativeTypescript()) {
    if (generation > 0) freshImports();
    const fresh = generation === 0 ? url : `${url}?${freshMark}=${generation}`;
    return (await import(fresh)) as object;
  }
  const { register } = await importTsx(file);
  // A namespace has its own instance of every module in it.
  const namespace = `holdfast-${generation}`;
  return (await register({ namespace }).import(url, import.meta.url)) as object;
}

function nativeTypescript(): boolean {
  const { typescript: has } = process.features as { readonly typescript?: unknown };
  return has === "strip" || has === "transform";
}

interface Tsx {
  register(options: { readonly namespace: string }): {
    import(specifier: string, parent: string): Promise<unknown>;
  };
}

async function importTsx(file: string): Promise<Tsx> {
  for (const from of [file, import.meta.url]) {
    try {
      // Not by its name: that would be looked for beside this package only.
      const manifest = nodeModule.createRequire(from).resolve("tsx/package.json");
      const entry = new URL("dist/esm/api/index.mjs", pathToFileURL(manifest));
      return (await import(entry.href)) as Tsx;
    } catch (error) {
      const { code = "" } = error as { readonly code?: string };
      if (!code.endsWith("MODULE_NOT_FOUND")) throw error;
    }
  }
  throw new UsageError(
    `${file} is TypeScript, which Node ${process.versions.node} does not read by itself. ` +
      "Install tsx beside it (npm install --save-dev tsx), use Node 22.18 or newer, or name the " +
      "compiled JavaScript.",
  );
}

const freshMark = "holdfast";
let hooked = false;

/** What a fresh module imports, outside node_modules, is fresh as well. */
function freshImports(): void {
  if (hooked) return;
  hooked = true;
  nodeModule.register(`data:text/javascript,${encodeURIComponent(freshHook)}`);
}

const freshHook = `export async function resolve(specifier, context, next) {
  const found = await next(specifier, context);
  const mark = /[?&]${freshMark}=(\\d+)/.exec(context.parentURL ?? "")?.[1];
  const ours = found.url.startsWith("file:") && !found.url.includes("/node_modules/");
  if (mark === undefined || !ours || found.url.includes("${freshMark}=")) return found;
  return { ...found, url: found.url + (found.url.includes("?") ? "&" : "?") + "${freshMark}=" + mark };
}`;
