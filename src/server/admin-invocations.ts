// Admin routes of invocations: lists, one with its journal and why it waits, and what an operator
// asks of one or of many. Restate's routes where it has them, with its statuses and words.
import type { Operation } from "../engine/door.ts";
import type { InvocationDetail } from "../engine/inspect-view.ts";
import { pageMax } from "../engine/paging.ts";
import { whyLines } from "../engine/why-words.ts";
import { storeJournal } from "../journal/stored-journal.ts";
import { type ErrorCode, HoldfastError, isHoldfastError } from "../model/errors.ts";
import { openStatuses, type Status } from "../model/row.ts";
import { filterOf, filterQuery, pageQuery } from "./admin-invocation-filter.ts";
import { type AdminRoute, type Asked, allows, fieldInvalid, queryInvalid } from "./admin-route.ts";
import { type HttpResponse, jsonResponse } from "./http.ts";

async function list(asked: Asked): Promise<HttpResponse> {
  const page = { limit: asked.whole("limit"), cursor: asked.text("cursor") };
  const { rows, ...rest } = await asked.engine.inspect.invocations(filterOf(asked), page);
  return jsonResponse(200, { invocations: rows, ...rest });
}

async function count(asked: Asked): Promise<HttpResponse> {
  return jsonResponse(200, await asked.engine.inspect.count(filterOf(asked)));
}

async function get(asked: Asked): Promise<HttpResponse> {
  return jsonResponse(200, visible(await found(asked), asked));
}

/** Whoever has an awakeable's id can complete it: who may only read is not given it. */
function visible<T extends InvocationDetail>(detail: T, asked: Asked): T {
  if (allows(asked.role, "operate")) return detail;
  return { ...detail, open: detail.open.map(({ awakeable: _, ...open }) => open) };
}

async function journal(asked: Asked): Promise<HttpResponse> {
  const id = asked.param("id");
  const entries = await named(id, () =>
    asked.engine.inspect.journal(id, asked.whole("from") ?? 0, asked.whole("limit") ?? pageMax),
  );
  return jsonResponse(200, { entries });
}

/** Awakeable ids can be made of it: for who may operate. */
async function stored(asked: Asked): Promise<HttpResponse> {
  const id = asked.param("id");
  const { row, entries } = await named(id, () => asked.engine.inspect.stored(id));
  return jsonResponse(200, storeJournal(row, entries));
}

async function why(asked: Asked): Promise<HttpResponse> {
  const id = asked.param("id");
  const answer = await named(id, () => asked.engine.inspect.why(id));
  const hidden = allows(asked.role, "operate") ? (text: string) => text : withoutAwakeables;
  const json = jsonResponse(200, { why: answer, lines: whyLines(answer) });
  return { ...json, body: hidden(json.body as string) };
}

function withoutAwakeables(text: string): string {
  return text.replace(/awk_1[\w-]{46}/g, "awk_1…");
}

async function found(asked: Asked): Promise<InvocationDetail & { readonly positions: string }> {
  const id = asked.param("id");
  return named(id, () => asked.engine.inspect.invocation(id));
}

/** An id that is none, or names nothing, in Restate's words. */
async function named<T>(id: string, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (isHoldfastError(error, "INVOCATION_NOT_FOUND")) {
      const message = `The requested invocation '${id}' does not exist`;
      throw new HoldfastError("INVOCATION_NOT_FOUND", { message });
    }
    if (isHoldfastError(error, "INVOCATION_ID_INVALID")) {
      const { why = "bad format" } = (error.data ?? {}) as { readonly why?: string };
      throw fieldInvalid("invocation_id", why);
    }
    throw error;
  }
}

function conflict(code: ErrorCode, message: string, status = 409): HoldfastError {
  return new HoldfastError(code, { message, status });
}

/** What Restate refuses before it asks the partition; the partition itself decides again. */
function check(kind: Operation, { id, status }: InvocationDetail): void {
  const completed = status === "completed";
  const waiting = status === "scheduled" || status === "inboxed";
  if ((kind === "cancel" || kind === "kill") && completed) {
    throw conflict("INVOCATION_COMPLETED", `The invocation '${id}' was already completed.`);
  }
  if (kind === "pause" && (completed || waiting)) {
    throw conflict(
      "INVOCATION_NOT_RUNNING",
      `The invocation '${id}' is not running, cannot be paused.`,
    );
  }
  if (kind === "resume" && completed) {
    throw conflict(
      "INVOCATION_COMPLETED",
      `The invocation '${id}' is completed, cannot be resumed.`,
    );
  }
  if (kind === "resume" && waiting) {
    const why = "is either inboxed or scheduled, cannot be resumed.";
    throw conflict("INVOCATION_NOT_RUNNING", `The invocation '${id}' ${why}`, 425);
  }
  if (kind === "purge" && !completed) {
    throw conflict("INVOCATION_NOT_COMPLETED", `The invocation '${id}' is not yet completed.`);
  }
}

/** 202 where the handler is yet to act upon it. */
function statusAfter(kind: Operation, { status, attempts }: InvocationDetail): number {
  if (kind === "cancel") return attempts > 0 ? 202 : 200;
  return kind === "pause" && status !== "paused" ? 202 : 200;
}

async function operate(asked: Asked, kind: Operation): Promise<HttpResponse> {
  const detail = await found(asked);
  check(kind, detail);
  const withSends = asked.text("withSends") === "true";
  await named(detail.id, () => asked.engine.door.operate(kind, detail.id, withSends));
  return { status: statusAfter(kind, detail), headers: {}, body: null };
}

async function restart(asked: Asked): Promise<HttpResponse> {
  const { id, status, mode } = await found(asked);
  if (status === "scheduled" || status === "inboxed") {
    const why = "cannot be restarted because it's not running yet.";
    throw conflict("INVOCATION_NOT_RUNNING", `The invocation '${id}' ${why}`, 425);
  }
  if (status !== "completed") {
    throw conflict("INVOCATION_NOT_COMPLETED", `The invocation '${id}' is still running.`);
  }
  if (mode === "workflow") {
    const why = `Restarting the invocation '${id}' is not supported`;
    throw conflict("RESTART_UNSAFE", `${why}. Restarting workflows is not supported.`, 422);
  }
  const from = asked.whole("from") ?? 0;
  const unsafe = asked.text("unsafe") === "true";
  const { id: started } = await asked.engine.restart(id, { from, unsafe });
  return jsonResponse(200, { new_invocation_id: started });
}

async function deleteOne(asked: Asked): Promise<HttpResponse> {
  const kind = asked.text("mode") ?? "cancel";
  if (kind !== "cancel" && kind !== "kill" && kind !== "purge") {
    throw queryInvalid("mode", "it is none of cancel, kill, purge");
  }
  try {
    await asked.engine.door.operate(kind, asked.param("id"));
  } catch (error) {
    // It never said whether there was one.
    if (!isHoldfastError(error) || error.status >= 500) throw error;
  }
  return { status: 202, headers: {}, body: null };
}

/** Invocations that one request moves at most; whoever wants more asks again. */
const batchMax = 1000;

async function batch(asked: Asked): Promise<HttpResponse> {
  const kind = asked.param("operation") as Operation;
  if (!["cancel", "kill", "pause", "resume", "purge"].includes(kind)) {
    throw fieldInvalid("operation", "it is none of cancel, kill, pause, resume, purge");
  }
  const { ids, more } = await idsOf(asked, kind);
  const done: string[] = [];
  const failed: { id: string; code: string }[] = [];
  for (const id of ids) {
    try {
      await asked.engine.door.operate(kind, id);
      done.push(id);
    } catch (error) {
      if (!isHoldfastError(error) || error.status >= 500) throw error;
      failed.push({ id, code: error.code });
    }
  }
  return jsonResponse(200, { done, failed, more });
}

async function idsOf(
  asked: Asked,
  kind: Operation,
): Promise<{ readonly ids: readonly string[]; readonly more: boolean }> {
  const body = await asked.object();
  const given = body.get("ids");
  if (given !== undefined) {
    const texts = Array.isArray(given) && given.every((id) => typeof id === "string");
    if (!texts || given.length > batchMax) {
      throw fieldInvalid("ids", `give a list of at most ${batchMax} ids`);
    }
    return { ids: given as string[], more: false };
  }
  const filter = filterOf(asked);
  if (Object.values(filter).every((value) => value === undefined)) {
    throw fieldInvalid(
      "ids",
      "give ids, or a filter in the query: everything at once is not moved",
    );
  }
  // What is over cannot be moved, and what is not cannot be purged.
  const fit: readonly Status[] = kind === "purge" ? ["completed"] : openStatuses;
  const narrowed = { ...filter, statuses: filter.statuses ?? fit };
  const page = await asked.engine.inspect.invocations(narrowed, { limit: batchMax });
  return { ids: page.rows.map(({ id }) => id), more: page.cursor !== undefined };
}

const one = "/invocations/{id}";

function operation(kind: Operation, says: string): AdminRoute {
  const query = kind === "kill" ? { withSends: "true: also its delayed sends" } : {};
  const path = `${one}/${kind}`;
  const role = kind === "purge" ? "admin" : "operate";
  return { method: "PATCH", path, role, says, query, answer: (asked) => operate(asked, kind) };
}

export const invocationRoutes: readonly AdminRoute[] = [
  {
    method: "GET",
    path: "/invocations",
    role: "read",
    says: "Invocations, newest first, by pages.",
    query: { ...filterQuery, ...pageQuery },
    answer: list,
  },
  {
    method: "GET",
    path: "/invocations/count",
    role: "read",
    says: "How many there are; `whole` is false where counting took too long and there are more.",
    query: filterQuery,
    answer: count,
  },
  {
    method: "POST",
    path: "/invocations/batch/{operation}",
    role: "admin",
    says: "cancel, kill, pause, resume or purge up to 1,000 invocations, by ids or by filter.",
    query: filterQuery,
    body: '`{"ids": ["inv_1…"]}`, or nothing: then the filter says which',
    answer: batch,
  },
  { method: "GET", path: one, role: "read", says: "One invocation.", answer: get },
  {
    method: "GET",
    path: `${one}/journal`,
    role: "read",
    says: "Its journal: what its handler asked and learned, in order.",
    query: { from: "index of the first entry", limit: pageQuery.limit },
    answer: journal,
  },
  {
    method: "GET",
    path: `${one}/export`,
    role: "operate",
    says: "It and its journal as `holdfast export` prints them, to be replayed against code.",
    answer: stored,
  },
  {
    method: "GET",
    path: `${one}/why`,
    role: "read",
    says: "Why it does not go on: whom it waits for, down to the cause, and what would move it.",
    answer: why,
  },
  operation("cancel", "Asks it to clean up and end."),
  operation("kill", "Ends it at once, and the calls that only it waits for."),
  operation("pause", "Holds it where it is."),
  operation("resume", "Lets it go on, or try again now."),
  operation("purge", "Forgets it, completed."),
  {
    method: "PATCH",
    path: `${one}/restart-as-new`,
    role: "operate",
    says: "Runs it again as a new one, afresh or keeping a part of its journal.",
    query: {
      from: "entries of its journal to keep; default 0",
      unsafe: "true: although an awakeable before that is still waited for",
    },
    answer: restart,
  },
  {
    method: "DELETE",
    path: one,
    role: "admin",
    says: "Cancels, kills or purges it, without saying whether it was there.",
    query: { mode: "cancel (default), kill or purge" },
    answer: deleteOne,
  },
];
