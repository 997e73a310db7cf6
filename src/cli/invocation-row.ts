// Invocations as lines of a table: what a person looks for first.
import type { InvocationView } from "../engine/inspect-view.ts";
import type { Colour, Column } from "./output.ts";

const colours: Readonly<Record<string, Colour>> = {
  running: "blue",
  ready: "blue",
  "backing-off": "yellow",
  paused: "yellow",
};

function statusOf({ status, outcome }: InvocationView): string {
  return outcome === undefined ? status : outcome === "success" ? "succeeded" : "failed";
}

export const invocationColumns: readonly Column<InvocationView>[] = [
  { title: "id", of: ({ id }) => id },
  { title: "target", of: ({ target }) => target },
  {
    title: "status",
    of: statusOf,
    colour: (row) => (row.outcome === "failure" ? "red" : (colours[row.status] ?? "grey")),
  },
  { title: "created", of: ({ createdAt }) => createdAt.replace("T", " ").slice(0, 19) },
  { title: "attempts", of: ({ attempts }) => attempts },
  {
    title: "",
    of: ({ failure }) => (failure === undefined ? "" : `${failure.code}: ${failure.message}`),
  },
];
