// `holdfast send`: sends to a handler without waiting, and prints the invocation's id.
import { type Invoked, textOption } from "../command.ts";
import { exit } from "../exit.ts";
import { ingressClient } from "../http-client.ts";
import { inputOf, targetPath } from "../target.ts";

interface Sent {
  readonly invocationId: string;
  readonly status: string;
  readonly executionTime?: string;
}

export async function run(invoked: Invoked): Promise<number> {
  const { args, configured, out } = invoked;
  const delay = textOption(invoked, "delay");
  const key = textOption(invoked, "idempotencyKey");
  const input = inputOf(args[1]);
  const query = delay === undefined ? "" : `?delay=${encodeURIComponent(delay)}`;
  const path = `${targetPath(args[0] as string)}/send${query}`;
  const sent = await ingressClient(configured).json<Sent>(path, {
    method: "POST",
    ...(input === undefined ? {} : { body: input }),
    ...(key === undefined ? {} : { headers: { "idempotency-key": key } }),
  });
  if (out.json) out.value(sent);
  else out.data(sent.invocationId);
  if (sent.status === "PreviouslyAccepted") out.say("It was sent before: this is the same one.");
  return exit.done;
}
