// Which invocations a request to the admin side is about: its query parameters, and what they say of
// themselves in the documentation.
import { pageMax } from "../engine/paging.ts";
import { openStatuses, type Status, statuses } from "../model/row.ts";
import type { InvocationFilter } from "../ports/cold-queries.ts";
import { type Asked, queryInvalid } from "./admin-route.ts";

export const filterQuery: Readonly<Record<string, string>> = {
  status: `any of ${statuses.join(", ")}, or unfinished; with commas`,
  service: "name of the service",
  key: "object key",
  handler: "name of the handler",
  createdFrom: "created at or after: ISO 8601, or milliseconds since 1970",
  createdBefore: "created before",
};
export const pageQuery: Readonly<Record<"limit" | "cursor", string>> = {
  limit: `rows, from 1 to ${pageMax}; default 100`,
  cursor: "what the page before answered",
};

export function filterOf(asked: Asked): InvocationFilter {
  const status = asked.text("status");
  return {
    statuses: status === undefined ? undefined : statusesOf(status.split(",")),
    service: asked.text("service"),
    key: asked.query.get("key") ?? undefined,
    handler: asked.text("handler"),
    createdFrom: asked.time("createdFrom"),
    createdBefore: asked.time("createdBefore"),
  };
}

function statusesOf(names: readonly string[]): Status[] {
  const found = new Set<Status>();
  for (const name of names) {
    if (name === "unfinished") {
      for (const status of openStatuses) found.add(status);
    } else {
      const known = statuses.find((status) => status === name);
      if (known === undefined) throw queryInvalid("status", `it is none of ${statuses.join(", ")}`);
      found.add(known);
    }
  }
  return [...found];
}
