// What can be set: each setting with its flag, its variable, its default and how it reads. Where a
// value comes from is config.ts.
import { durationMs } from "../model/duration.ts";
import { UsageError } from "./exit.ts";

export interface Settings {
  readonly data: string;
  readonly host: string;
  readonly port: number;
  readonly adminHost: string;
  readonly adminPort: number;
  readonly hosts: readonly string[];
  readonly origins: readonly string[];
  readonly tokens: readonly string[];
  readonly adminTokens: readonly string[];
  readonly insecureBind: boolean;
  readonly tlsCert: string;
  readonly tlsKey: string;
  readonly tlsCa: string;
  readonly jwtKeys: string;
  readonly jwtAudience: string;
  readonly jwtIssuer: string;
  readonly drain: string;
  readonly concurrency: number;
  readonly suspendAfter: string;
  readonly keep: number;
  readonly allowRemoteData: boolean;
  readonly nats: readonly string[];
  readonly natsCreds: string;
  readonly natsSync: string;
  readonly app: string;
  readonly partitions: number;
  readonly replicas: number;
  readonly durability: string;
  readonly url: string;
  readonly adminUrl: string;
  readonly token: string;
  readonly adminToken: string;
}

export type SettingName = keyof Settings;

type Kind = "text" | "number" | "port" | "duration" | "list" | "flag";

export interface Setting {
  readonly name: SettingName;
  readonly kind: Kind;
  /** Default as text, as it would be given. */
  readonly fallback: string;
  /** Never printed. */
  readonly secret?: true;
  readonly says: string;
}

export const settings: readonly Setting[] = [
  { name: "data", kind: "text", fallback: "./data", says: "the data directory" },
  { name: "host", kind: "text", fallback: "127.0.0.1", says: "address of the ingress" },
  { name: "port", kind: "port", fallback: "8080", says: "port of the ingress; 0: any free one" },
  { name: "adminHost", kind: "text", fallback: "127.0.0.1", says: "address of the admin side" },
  { name: "adminPort", kind: "port", fallback: "9070", says: "port of the admin side" },
  { name: "hosts", kind: "list", fallback: "", says: "host names answered beside loopback's" },
  { name: "origins", kind: "list", fallback: "", says: "origins of pages that may call" },
  { name: "tokens", kind: "list", fallback: "", secret: true, says: "tokens the ingress asks for" },
  {
    name: "adminTokens",
    kind: "list",
    fallback: "",
    secret: true,
    says: "further admin tokens, each role:sha256 in hexadecimal; roles: read, operate, admin",
  },
  {
    name: "insecureBind",
    kind: "flag",
    fallback: "false",
    says: "listen beyond loopback without tokens and TLS",
  },
  {
    name: "tlsCert",
    kind: "text",
    fallback: "",
    says: "path of a certificate: both sides speak HTTPS",
  },
  { name: "tlsKey", kind: "text", fallback: "", says: "path of its private key" },
  {
    name: "tlsCa",
    kind: "text",
    fallback: "",
    says: "path of authorities: only clients with a certificate of theirs are let in",
  },
  {
    name: "jwtKeys",
    kind: "text",
    fallback: "",
    says: "path or https address of a JWKS: tokens signed by these keys are taken on both sides",
  },
  { name: "jwtAudience", kind: "text", fallback: "", says: "audience such a token must be for" },
  { name: "jwtIssuer", kind: "text", fallback: "", says: "issuer such a token must come from" },
  { name: "drain", kind: "duration", fallback: "10s", says: "what running steps are given to end" },
  {
    name: "concurrency",
    kind: "number",
    fallback: "10000",
    says: "attempts that execute at a time",
  },
  { name: "suspendAfter", kind: "duration", fallback: "10s", says: "waiting in memory at most" },
  { name: "keep", kind: "number", fallback: "10000", says: "completed invocations kept by number" },
  {
    name: "allowRemoteData",
    kind: "flag",
    fallback: "false",
    says: "accept a data directory on a network file system",
  },
  {
    name: "nats",
    kind: "list",
    fallback: "",
    secret: true,
    says: "NATS servers: makes it a node of a cluster; `data` then holds its tables",
  },
  { name: "natsCreds", kind: "text", fallback: "", says: "path of a NATS creds file" },
  {
    name: "natsSync",
    kind: "text",
    fallback: "interval",
    says: "sync_interval of the NATS servers, as they are set: interval or always",
  },
  { name: "app", kind: "text", fallback: "", says: "the app all nodes with these modules share" },
  {
    name: "partitions",
    kind: "number",
    fallback: "24",
    says: "partitions of the app, fixed when it is first registered",
  },
  { name: "replicas", kind: "number", fallback: "1", says: "copies NATS keeps: 1, 3 or 5" },
  {
    name: "durability",
    kind: "text",
    fallback: "standard",
    says: "strict refuses what may lose acknowledged work in a power cut",
  },
  { name: "url", kind: "text", fallback: "", says: "ingress that commands call" },
  { name: "adminUrl", kind: "text", fallback: "", says: "admin side that commands ask" },
  { name: "token", kind: "text", fallback: "", secret: true, says: "token for the ingress" },
  {
    name: "adminToken",
    kind: "text",
    fallback: "",
    secret: true,
    says: "token for the admin side",
  },
];

/** `adminPort` is `--admin-port` and HOLDFAST_ADMIN_PORT. */
export function flagOf(name: SettingName): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

export function variableOf(name: SettingName): string {
  return `HOLDFAST_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

/** @throws UsageError which names what was given and where. */
export function read(setting: Setting, given: unknown, from: string): Settings[SettingName] {
  const { name, kind } = setting;
  const refuse = (what: string): never => {
    const shown = setting.secret === true ? "what was given" : JSON.stringify(given);
    throw new UsageError(`${from}: ${name} is ${shown}: give ${what}.`);
  };
  switch (kind) {
    case "text":
      return typeof given === "string" ? given : refuse("text");
    case "number":
      return whole(given, 1, Number.MAX_SAFE_INTEGER) ?? refuse("a whole number from 1");
    case "port":
      return whole(given, 0, 65_535) ?? refuse("a port from 0 to 65535");
    case "flag":
      if (given === true || given === "true" || given === "1") return true;
      if (given === false || given === "false" || given === "0") return false;
      return refuse("true or false");
    case "list": {
      const list = typeof given === "string" ? given.split(",").map((part) => part.trim()) : given;
      if (!Array.isArray(list)) return refuse("a list, or text with commas");
      const texts: unknown[] = list.filter((part) => part !== "");
      return texts.every((part) => typeof part === "string") ? texts : refuse("a list of texts");
    }
    case "duration":
      return duration(given) ?? refuse('a duration such as "10s"');
  }
}

function whole(given: unknown, least: number, most: number): number | undefined {
  const digits = typeof given === "string" && /^\d+$/.test(given);
  const number = typeof given === "number" || digits ? Number(given) : Number.NaN;
  return Number.isInteger(number) && number >= least && number <= most ? number : undefined;
}

function duration(given: unknown): string | undefined {
  if (typeof given !== "string" && typeof given !== "number") return undefined;
  try {
    durationMs(given);
  } catch {
    return undefined;
  }
  return typeof given === "number" ? `${given}ms` : given;
}
