// Where settings come from: flags over the environment over a file over defaults. A name nobody
// knows is an error with a suggestion, because a setting that is silently ignored is found in
// production.
import { readFileSync } from "node:fs";
import { nearest } from "../std/nearest.ts";
import { UsageError } from "./exit.ts";
import { flagOf, read, type SettingName, type Settings, settings, variableOf } from "./settings.ts";

export const configFileName = "holdfast.config.json";

export interface Configured {
  readonly values: Settings;
  /** Where each value comes from, such as `--port`, `HOLDFAST_PORT`, the file, or `default`. */
  readonly origins: ReadonlyMap<SettingName, string>;
}

export interface Sources {
  readonly flags: Readonly<Record<string, unknown>>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** A file named by the user must exist; the default one need not. */
  readonly file?: string | undefined;
}

/** @throws UsageError. */
export function configure({ flags, env, file }: Sources): Configured {
  const named = file ?? nonEmpty(env["HOLDFAST_CONFIG"]);
  const path = named ?? configFileName;
  const fromFile = fileValues(path, named !== undefined);
  checkVariables(env);
  const values: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  const origins = new Map<SettingName, string>();
  for (const setting of settings) {
    const { name } = setting;
    const [given, from] = [
      [flags[name], flagOf(name)] as const,
      [nonEmpty(env[variableOf(name)]), variableOf(name)] as const,
      [fromFile.get(name), path] as const,
      [setting.fallback, "default"] as const,
    ].find(([value]) => value !== undefined) as readonly [unknown, string];
    values[name] = read(setting, given, from);
    origins.set(name, from);
  }
  return { values: values as unknown as Settings, origins };
}

const names: ReadonlySet<string> = new Set(settings.map(({ name }) => name));

function fileValues(path: string, mustExist: boolean): ReadonlyMap<string, unknown> {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as { readonly code?: string }).code === "ENOENT" && !mustExist) return new Map();
    throw new UsageError(`${path}: ${(error as Error).message}`);
  }
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${path} is no JSON: ${(error as Error).message}`);
  }
  if (typeof found !== "object" || found === null || Array.isArray(found)) {
    throw new UsageError(`${path} holds no object of settings.`);
  }
  const values = new Map(Object.entries(found));
  for (const name of values.keys()) {
    if (name !== "$schema" && !names.has(name)) throw unknown(path, name, names);
  }
  return values;
}

/** Variables that are not settings and are ours. */
const otherVariables = ["HOLDFAST_CONFIG", "HOLDFAST_DEV_CHILD"];

function checkVariables(env: Sources["env"]): void {
  const known = new Set([...settings.map(({ name }) => variableOf(name)), ...otherVariables]);
  for (const name of Object.keys(env)) {
    if (name.startsWith("HOLDFAST_") && !known.has(name)) throw unknown("environment", name, known);
  }
}

function unknown(where: string, name: string, known: Iterable<string>): UsageError {
  const meant = nearest(name, known);
  const hint = meant === undefined ? "" : ` Did you mean "${meant}"?`;
  return new UsageError(`${where}: there is no setting "${name.slice(0, 100)}".${hint}`);
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === "" ? undefined : text;
}
