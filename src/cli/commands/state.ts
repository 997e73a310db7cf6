// `holdfast state`: the state of one object, or the keys of a service; edited with name=JSON.
import type { ObjectView, PayloadView } from "../../engine/inspect-view.ts";
import { type Invoked, textOption } from "../command.ts";
import { exit, UsageError } from "../exit.ts";
import { adminClient, type HttpClient } from "../http-client.ts";
import type { Output } from "../output.ts";
import { keyPath } from "../target.ts";

export async function run(invoked: Invoked): Promise<number> {
  const { args, options, configured, out } = invoked;
  const [object = "", ...changes] = args;
  const admin = adminClient(configured);
  if (!object.includes("/")) return keys(admin, object, out);
  const path = keyPath(object);
  const clear = options["clear"] === true;
  if (changes.length > 0 || clear) {
    const version = versionOf(textOption(invoked, "ifVersion"));
    const body = { ...editOf(changes), clear, ...(version === undefined ? {} : { version }) };
    await admin.ask(path, { method: "PATCH", body });
  }
  const view = await admin.json<ObjectView>(path);
  if (out.json) {
    out.value(view);
    return exit.done;
  }
  out.rows(Object.entries(view.state), [
    { title: "name", of: ([name]) => name },
    { title: "value", of: ([, value]) => shown(value) },
  ]);
  const { version, lockedBy, inboxLength } = view;
  const held = lockedBy === undefined ? "free" : `held by ${lockedBy}, ${inboxLength} wait`;
  out.say(`version ${version}; the key is ${held}`);
  return exit.done;
}

async function keys(admin: HttpClient, service: string, out: Output): Promise<number> {
  const path = `/services/${encodeURIComponent(service)}/keys?limit=1000`;
  const listed = await admin.json<{ objects: readonly ObjectView[]; cursor?: string }>(path);
  out.rows(
    listed.objects,
    [
      { title: "key", of: ({ key }) => key },
      { title: "names", of: ({ state }) => Object.keys(state).length },
      { title: "bytes", of: ({ stateBytes }) => stateBytes },
      { title: "version", of: ({ version }) => version },
      { title: "waiting", of: ({ inboxLength }) => inboxLength },
      { title: "held by", of: ({ lockedBy }) => lockedBy },
    ],
    listed,
  );
  if (listed.cursor !== undefined)
    out.say("There are more keys; the admin side has them by pages.");
  return exit.done;
}

function editOf(changes: readonly string[]): { set: object; remove: readonly string[] } {
  const set = new Map<string, unknown>();
  const remove: string[] = [];
  for (const change of changes) {
    const [, name, json] = /^([^=]+)=(.*)$/s.exec(change) ?? [];
    if (name === undefined)
      throw new UsageError(`"${change}" is no change: give name=JSON or name=.`);
    if (json === "") remove.push(name);
    else set.set(name, parsed(name, json as string));
  }
  return { set: Object.fromEntries(set), remove };
}

function parsed(name: string, json: string): unknown {
  try {
    return JSON.parse(json) as unknown;
  } catch {
    throw new UsageError(`The value of ${name} is no JSON: a text is quoted, ${name}='"text"'.`);
  }
}

function versionOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new UsageError(`--if-version "${text}" is no whole number.`);
}

function shown({ value, preview = "", type, bytes }: PayloadView): string {
  if (value !== undefined) return JSON.stringify(value);
  return type === "bytes" ? `${bytes} bytes` : `${preview.slice(0, 200)}… (${bytes} bytes)`;
}
