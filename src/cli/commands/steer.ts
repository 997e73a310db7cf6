// cancel, kill, pause, resume, purge: of the invocations that are named, or of all that pass a
// filter, after asking.
import { createInterface } from "node:readline/promises";
import type { Invoked } from "../command.ts";
import { CliError, exit, UsageError } from "../exit.ts";
import { filterQuery } from "../filter.ts";
import { adminClient, type HttpClient } from "../http-client.ts";
import type { Output } from "../output.ts";

interface Moved {
  readonly done: readonly string[];
  readonly failed: readonly { readonly id: string; readonly code: string }[];
  readonly more: boolean;
}

export function runOf(operation: string): (invoked: Invoked) => Promise<number> {
  return async (invoked) => {
    const { args, options, configured, out } = invoked;
    const admin = adminClient(configured);
    const filter = filterQuery(invoked);
    if (args.length > 0 && filter.size > 0) throw new UsageError("Give ids or a filter, not both.");
    if (args.length === 0 && filter.size === 0) throw new UsageError("Give an id, or a filter.");
    if (args.length > 0) {
      const query = options["withSends"] === true ? "?withSends=true" : "";
      return each(admin, operation, args, query, out);
    }
    const { count } = await admin.json<{ count: number }>(`/invocations/count?${filter}`);
    if (options["yes"] !== true) await confirmed(`${operation} ${count} invocations?`);
    return all(admin, operation, filter, out);
  };
}

/** Each as it comes; the first that is refused ends it, and the exit code is its. */
async function each(
  admin: HttpClient,
  operation: string,
  ids: readonly string[],
  query: string,
  out: Output,
): Promise<number> {
  for (const id of ids) {
    const path = `/invocations/${encodeURIComponent(id)}/${operation}${query}`;
    await admin.ask(path, { method: "PATCH" });
    if (out.json) out.value({ id, operation }, true);
    else out.say(`${operation}: ${id}`);
  }
  return exit.done;
}

async function all(
  admin: HttpClient,
  operation: string,
  filter: URLSearchParams,
  out: Output,
): Promise<number> {
  const path = `/invocations/batch/${operation}?${filter}`;
  let done = 0;
  const failed: Moved["failed"][number][] = [];
  for (let more = true; more; ) {
    const moved = await admin.json<Moved>(path, { method: "POST" });
    done += moved.done.length;
    failed.push(...moved.failed);
    // What is asked to cancel is still there for a while: another round would only ask again.
    more = moved.more && moved.done.length > 0 && (operation === "kill" || operation === "purge");
    if (moved.more && !more) out.say("There may be more: run it again.");
  }
  if (out.json) out.value({ done, failed });
  else out.say(`${operation}: ${done} done, ${failed.length} refused`);
  for (const { id, code } of failed.slice(0, 20)) out.say(`  ${id} ${code}`);
  return failed.length === 0 ? exit.done : exit.failed;
}

async function confirmed(question: string): Promise<void> {
  if (process.stdin.isTTY !== true) throw new UsageError(`${question} Say --yes.`);
  const asking = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await asking.question(`${question} [y/N] `);
  asking.close();
  if (!/^y(es)?$/i.test(answer)) throw new CliError("Nothing was done.");
}
