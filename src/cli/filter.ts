// Filters of invocations as they are typed, as the query of an admin route.
import { durationMs } from "../model/duration.ts";
import { type Invoked, textOption } from "./command.ts";
import { UsageError } from "./exit.ts";

/** Empty when nothing was filtered by. */
export function filterQuery(invoked: Invoked): URLSearchParams {
  const query = new URLSearchParams();
  for (const name of ["service", "key", "handler", "status"]) {
    const value = textOption(invoked, name);
    if (value !== undefined) query.set(name, value);
  }
  const since = textOption(invoked, "since");
  if (since !== undefined) query.set("createdFrom", String(Date.now() - ms(since)));
  return query;
}

function ms(text: string): number {
  try {
    return durationMs(text);
  } catch {
    throw new UsageError(`--since "${text}" is no duration such as 15m.`);
  }
}
