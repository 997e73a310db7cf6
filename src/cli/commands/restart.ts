// `holdfast restart`: runs a completed invocation again, as a new one.
import { type Invoked, textOption } from "../command.ts";
import { exit } from "../exit.ts";
import { adminClient } from "../http-client.ts";

export async function run(invoked: Invoked): Promise<number> {
  const { args, options, configured, out } = invoked;
  const query = new URLSearchParams();
  const from = textOption(invoked, "from");
  if (from !== undefined) query.set("from", from);
  if (options["unsafe"] === true) query.set("unsafe", "true");
  const path = `/invocations/${encodeURIComponent(args[0] as string)}/restart-as-new?${query}`;
  const answer = await adminClient(configured).json<{ new_invocation_id: string }>(path, {
    method: "PATCH",
  });
  if (out.json) out.value(answer);
  else out.data(answer.new_invocation_id);
  return exit.done;
}
