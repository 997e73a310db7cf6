// `holdfast get`: one invocation, with its journal.
import type { EntryView, InvocationDetail, PayloadView } from "../../engine/inspect-view.ts";
import type { Invoked } from "../command.ts";
import { exit } from "../exit.ts";
import { adminClient } from "../http-client.ts";
import type { Column, Output } from "../output.ts";
import { plainLine } from "../plain.ts";

export async function run({ args, options, configured, out }: Invoked): Promise<number> {
  const admin = adminClient(configured);
  const path = `/invocations/${encodeURIComponent(args[0] as string)}`;
  const detail = await admin.json<InvocationDetail>(path);
  const withJournal = options["journal"] !== false;
  const { entries } = withJournal
    ? await admin.json<{ entries: readonly EntryView[] }>(`${path}/journal`)
    : { entries: [] };
  if (out.json) {
    out.value(withJournal ? { ...detail, journal: entries } : detail);
    return exit.done;
  }
  for (const [name, value] of fieldsOf(detail)) {
    if (value !== undefined) field(out, name, value);
  }
  if (entries.length > 0) {
    out.data("");
    out.rows(entries, entryColumns(entries[0]?.at ?? detail.createdAt));
    if (entries.length < detail.entries) {
      out.say(
        `${detail.entries - entries.length} more entries: --json over the admin side has all.`,
      );
    }
  }
  return exit.done;
}

function field(out: Output, name: string, value: string): void {
  out.line(`${out.colour("grey", name.padEnd(10))}${plainLine(value)}`, "out");
}

function* fieldsOf(detail: InvocationDetail): Generator<readonly [string, string | undefined]> {
  const { failure, open, status, outcome } = detail;
  yield ["id", detail.id];
  yield ["target", detail.target];
  yield ["status", outcome === undefined ? status : `${status} (${outcome})`];
  yield ["created", detail.createdAt];
  yield ["begun", detail.begunAt];
  yield ["completed", detail.completedAt];
  yield ["due", detail.due];
  yield ["expires", detail.expiresAt];
  yield ["attempts", String(detail.attempts)];
  yield ["input", shown(detail.input)];
  yield ["output", detail.output && shown(detail.output)];
  yield ["failure", failure && `${failure.code}: ${failure.message}`];
  for (const { kind, name, due, awakeable } of open) {
    const what = [kind, name, awakeable, due && `until ${due}`];
    yield ["waits for", what.filter((part) => part !== undefined).join(" ")];
  }
}

/** Short enough for a line; `--json` has it whole. */
function shown({ type, value, preview, bytes, contentType }: PayloadView): string | undefined {
  if (type === "none") return undefined;
  const text = value === undefined ? (preview ?? "") : JSON.stringify(value);
  const cut = text.length > 200 ? `${text.slice(0, 200)}…` : text;
  return type === "json" ? cut : `${bytes} bytes of ${contentType ?? "no type"}`;
}

function entryColumns(first: string): Column<EntryView>[] {
  const since = Date.parse(first);
  return [
    { title: "#", of: ({ index }) => index },
    { title: "ms", of: ({ at }) => Date.parse(at) - since },
    {
      title: "",
      of: ({ type }) => (type === "command" ? "→" : "←"),
      colour: ({ type }) => (type === "command" ? "blue" : "grey"),
    },
    { title: "entry", of: ({ title }) => title },
    {
      title: "",
      of: (entry) => {
        if (entry.failure !== undefined) return `${entry.failure.code}: ${entry.failure.message}`;
        return entry.value === undefined ? (entry.callee ?? entry.due) : shown(entry.value);
      },
      colour: ({ failure }) => (failure === undefined ? undefined : "red"),
    },
  ];
}
