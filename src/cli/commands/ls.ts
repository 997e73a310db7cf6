// `holdfast ls`: invocations, newest first.
import type { InvocationView } from "../../engine/inspect-view.ts";
import { type Invoked, textOption } from "../command.ts";
import { exit } from "../exit.ts";
import { filterQuery } from "../filter.ts";
import { adminClient } from "../http-client.ts";
import { invocationColumns } from "../invocation-row.ts";

interface Listed {
  readonly invocations: readonly InvocationView[];
  readonly cursor?: string;
}

export async function run(invoked: Invoked): Promise<number> {
  const { options, configured, out } = invoked;
  const admin = adminClient(configured);
  const query = filterQuery(invoked);
  if (options["count"] === true) {
    const counted = await admin.json<{ count: number; whole: boolean }>(
      `/invocations/count?${query}`,
    );
    if (out.json) out.value(counted);
    else out.data(String(counted.count));
    if (!counted.whole) out.say("At least: counting took too long.");
    return exit.done;
  }
  query.set("limit", textOption(invoked, "limit") ?? "50");
  const cursor = textOption(invoked, "cursor");
  if (cursor !== undefined) query.set("cursor", cursor);
  const listed = await admin.json<Listed>(`/invocations?${query}`);
  out.rows(listed.invocations, invocationColumns, listed);
  if (listed.cursor !== undefined && !out.json)
    out.say(`There are more: --cursor ${listed.cursor}`);
  return exit.done;
}
