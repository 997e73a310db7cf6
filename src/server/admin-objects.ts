// Admin routes of what is hosted and kept: services with their handlers, the state of objects to
// read and to edit, promises, timers and awakeables.
import type { ObjectView } from "../engine/inspect-view.ts";
import type { ServiceView } from "../engine/service-view.ts";
import { HoldfastError } from "../model/errors.ts";
import type { Callable, Kind } from "../sdk/types.ts";
import { textOfUtf8 } from "../std/bytes.ts";
import { type AdminRoute, type Asked, allows, fieldInvalid } from "./admin-route.ts";
import { type HttpResponse, jsonResponse } from "./http.ts";

const restateKinds: Readonly<Record<Kind, string>> = {
  service: "Service",
  object: "VirtualObject",
  workflow: "Workflow",
};
const restateModes = {
  exclusive: "Exclusive",
  shared: "Shared",
  workflow: "Workflow",
  plain: undefined,
} as const;

/** As Restate says it, with what it has no word for beside it. */
function serviceBody({ name, kind, revision, handlers }: ServiceView): object {
  return {
    name,
    ty: restateKinds[kind],
    kind,
    revision,
    handlers: handlers.map((handler) => ({
      name: handler.name,
      ...(restateModes[handler.mode] === undefined ? {} : { ty: restateModes[handler.mode] }),
      mode: handler.mode,
      ...(handler.input === undefined ? {} : { input_json_schema: handler.input }),
      ...(handler.output === undefined ? {} : { output_json_schema: handler.output }),
    })),
  };
}

export function serviceOf(asked: Asked): ServiceView {
  const name = asked.param("service");
  const found = asked.engine.inspect.services().find((service) => service.name === name);
  if (found !== undefined) return found;
  const message = `The requested service '${name}' does not exist`;
  throw new HoldfastError("SERVICE_NOT_FOUND", { message });
}

function handlers(asked: Asked): object[] {
  return (serviceBody(serviceOf(asked)) as { readonly handlers: object[] }).handlers;
}

function handler(asked: Asked): HttpResponse {
  const name = asked.param("handler");
  const found = handlers(asked).find((one) => (one as { readonly name: string }).name === name);
  if (found !== undefined) return jsonResponse(200, found);
  const where = `on service '${asked.param("service")}'`;
  const message = `The requested handler '${name}' ${where} does not exist`;
  throw new HoldfastError("HANDLER_NOT_FOUND", { message });
}

function page(asked: Asked): {
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
} {
  return { limit: asked.whole("limit"), cursor: asked.text("cursor") };
}

async function objects(asked: Asked): Promise<HttpResponse> {
  const { rows, ...rest } = await asked.engine.inspect.objects(asked.param("service"), page(asked));
  return jsonResponse(200, { objects: rows, ...rest });
}

/** A key nobody has used is there, and empty. */
async function object(asked: Asked): Promise<HttpResponse> {
  const [service, key] = [asked.param("service"), asked.param("key")];
  const found = await asked.engine.inspect.object(service, key);
  const empty: ObjectView = {
    service,
    key,
    version: 0,
    stateBytes: 0,
    inbox: [],
    inboxLength: 0,
    state: {},
  };
  return jsonResponse(200, found ?? empty);
}

function keyed(asked: Asked): Callable {
  const { name, kind } = serviceOf(asked);
  if (kind !== "service") return { kind, name };
  throw fieldInvalid("service", `Cannot modify state for service type ${restateKinds[kind]}`);
}

function versionOf(body: ReadonlyMap<string, unknown>): number | undefined {
  const version = body.get("version");
  if (version === undefined || version === null) return undefined;
  // Restate's versions are text, and so may ours be.
  const number = typeof version === "string" ? Number(version) : version;
  if (typeof number === "number" && Number.isInteger(number) && number >= 0) return number;
  throw fieldInvalid("version", "it is no whole number");
}

/** `set` and `remove` change the names they name; the others stay. */
async function edit(asked: Asked): Promise<HttpResponse> {
  const target = keyed(asked);
  const body = await asked.object();
  for (const name of body.keys()) {
    if (!["set", "remove", "clear", "version"].includes(name)) {
      throw fieldInvalid(name, "there is no such field: give set, remove, clear or version");
    }
  }
  const set = body.get("set") ?? {};
  const remove = body.get("remove") ?? [];
  if (typeof set !== "object" || set === null || Array.isArray(set)) {
    throw fieldInvalid("set", "it is no object");
  }
  if (!Array.isArray(remove) || !remove.every((name) => typeof name === "string")) {
    throw fieldInvalid("remove", "it is no list of names");
  }
  const values = new Map(Object.entries(set));
  for (const name of remove as string[]) values.set(name, null);
  const clear = body.get("clear") === true;
  return edited(asked, target, asked.param("key"), values, { clear, version: versionOf(body) });
}

async function edited(
  asked: Asked,
  target: Callable,
  key: string,
  values: ReadonlyMap<string, unknown>,
  options: { readonly clear: boolean; readonly version: number | undefined },
): Promise<HttpResponse> {
  await asked.engine.editState(target, key, Object.fromEntries(values), options);
  return { status: 202, headers: {}, body: null };
}

async function clear(asked: Asked): Promise<HttpResponse> {
  const version = asked.whole("version");
  return edited(asked, keyed(asked), asked.param("key"), new Map(), { clear: true, version });
}

/** Restate's: the whole state of a key, values as bytes, here of JSON. */
async function replace(asked: Asked): Promise<HttpResponse> {
  const target = keyed(asked);
  const body = await asked.object();
  const key = body.get("object_key");
  const state = body.get("new_state");
  if (typeof key !== "string") throw fieldInvalid("object_key", "it is no text");
  if (typeof state !== "object" || state === null || Array.isArray(state)) {
    throw fieldInvalid("new_state", "it is no object");
  }
  const values = new Map(Object.entries(state).map(([name, bytes]) => [name, jsonOf(name, bytes)]));
  return edited(asked, target, key, values, { clear: true, version: versionOf(body) });
}

function jsonOf(name: string, bytes: unknown): unknown {
  const whole = Array.isArray(bytes) && bytes.every((byte) => Number.isInteger(byte));
  if (!whole) throw fieldInvalid(`new_state.${name}`, "it is no list of bytes");
  try {
    return JSON.parse(textOfUtf8(Uint8Array.from(bytes as number[]))) as unknown;
  } catch {
    throw fieldInvalid(`new_state.${name}`, "its bytes are no JSON");
  }
}

async function promises(asked: Asked): Promise<HttpResponse> {
  const found = await asked.engine.inspect.promises(asked.text("service"), page(asked));
  const { rows, ...rest } = found;
  return jsonResponse(200, { promises: rows, ...rest });
}

async function timers(asked: Asked): Promise<HttpResponse> {
  const { rows, ...rest } = await asked.engine.inspect.timers(page(asked));
  return jsonResponse(200, { timers: rows, ...rest });
}

async function awakeables(asked: Asked): Promise<HttpResponse> {
  const { rows, ...rest } = await asked.engine.inspect.awakeables(page(asked));
  // Whoever has its id can complete it.
  const shown = allows(asked.role, "operate") ? rows : rows.map(({ id: _, ...row }) => row);
  return jsonResponse(200, { awakeables: shown, ...rest });
}

const pageQuery = {
  limit: "rows, from 1 to 1,000; default 100",
  cursor: "what the page before answered",
} as const;
const one = "/services/{service}";
const key = `${one}/keys/{key}`;

export const objectRoutes: readonly AdminRoute[] = [
  {
    method: "GET",
    path: "/services",
    role: "read",
    says: "Services hosted here, with their handlers and schemas.",
    answer: ({ engine }) =>
      jsonResponse(200, { services: engine.inspect.services().map(serviceBody) }),
  },
  {
    method: "GET",
    path: one,
    role: "read",
    says: "One service.",
    answer: (asked) => jsonResponse(200, serviceBody(serviceOf(asked))),
  },
  {
    method: "GET",
    path: `${one}/handlers`,
    role: "read",
    says: "Its handlers.",
    answer: (asked) => jsonResponse(200, { handlers: handlers(asked) }),
  },
  {
    method: "GET",
    path: `${one}/handlers/{handler}`,
    role: "read",
    says: "One handler.",
    answer: handler,
  },
  {
    method: "POST",
    path: `${one}/state`,
    role: "operate",
    says: "Replaces the whole state of one key, as Restate does.",
    body: '`{"object_key": "k", "new_state": {"name": [bytes of JSON]}, "version": 3}`',
    answer: replace,
  },
  {
    method: "GET",
    path: `${one}/keys`,
    role: "read",
    says: "Keys with state, a lock or an inbox.",
    query: pageQuery,
    answer: objects,
  },
  {
    method: "GET",
    path: key,
    role: "read",
    says: "One key: its state, with its version, who holds it and who waits.",
    answer: object,
  },
  {
    method: "PATCH",
    path: key,
    role: "operate",
    says: "Edits its state, in its turn at the key; with `version`, only if that still stands.",
    body: '`{"set": {"name": value}, "remove": ["name"], "clear": false, "version": 3}`',
    answer: edit,
  },
  {
    method: "DELETE",
    path: key,
    role: "admin",
    says: "Clears its state.",
    query: { version: "only if the state has this version" },
    answer: clear,
  },
  {
    method: "GET",
    path: "/promises",
    role: "read",
    says: "Durable promises.",
    query: { service: "name of the workflow", ...pageQuery },
    answer: promises,
  },
  {
    method: "GET",
    path: "/timers",
    role: "read",
    says: "What comes due, soonest first.",
    query: pageQuery,
    answer: timers,
  },
  {
    method: "GET",
    path: "/awakeables",
    role: "read",
    says: "Awakeables that are waited for; their ids only for the role operate.",
    query: pageQuery,
    answer: awakeables,
  },
];
