// Finds cycles of waiting that the chain of a call cannot show: two chains that cross, an attach to
// an ancestor. Asked for an exclusive call that has waited a while in an inbox; walks who waits for
// whom, and breaks a proven cycle by failing its youngest call (R12).
import { failureOf } from "../../model/errors.ts";
import type { InvocationRow, Waiter } from "../../model/row.ts";
import type { Decision } from "../decision.ts";
import { nameOf } from "../tables/tables.ts";
import { deadlock } from "./create.ts";
import { finish } from "./finish.ts";
import { complete } from "./notify.ts";

/** Invocations visited before a probe gives up: a wider graph is probed again from elsewhere. */
const visitedMax = 10_000;

interface Step {
  readonly row: InvocationRow;
  /** The command of `row` that waits for the step behind; undefined for an inbox. */
  readonly call: Waiter | undefined;
}

export function probe(decision: Decision, n: number): void {
  const start = decision.tables.invocation(n);
  if (start === undefined || start.status === "completed") return;
  const cycle = find(decision, start);
  if (cycle === undefined) return;
  const calls = cycle.flatMap((step) => (step.call === undefined ? [] : [step]));
  const youngest = calls.reduce<Step | undefined>(
    (found, step) => (found === undefined || step.row.n > found.row.n ? step : found),
    undefined,
  );
  if (youngest?.call === undefined) return;
  const names = cycle.map(({ row }) => nameOf(row.service, row.key ?? ""));
  const failure = failureOf(deadlock([...names, names[0] as string]));
  // What it called has not begun: it fails, so that it does not run for a caller long gone.
  const callee = cycle[(cycle.indexOf(youngest) + 1) % cycle.length] as Step;
  if (callee.row.status === "inboxed") finish(decision, callee.row, { failure });
  else complete(decision, youngest.call, { failure });
}

/** Depth first along "waits for", back to the start. */
function find(decision: Decision, start: InvocationRow): Step[] | undefined {
  const visited = new Set<number>();
  const path: { row: InvocationRow; next: { n: number; call: Waiter | undefined }[] }[] = [
    { row: start, next: waitsFor(decision, start) },
  ];
  const calls: (Waiter | undefined)[] = [];
  while (path.length > 0 && visited.size < visitedMax) {
    const top = path[path.length - 1] as (typeof path)[number];
    const edge = top.next.pop();
    if (edge === undefined) {
      path.pop();
      calls.pop();
      continue;
    }
    if (edge.n === start.n) {
      calls.push(edge.call);
      return path.map(({ row }, i) => ({ row, call: calls[i] }));
    }
    const row = visited.has(edge.n) ? undefined : decision.tables.invocation(edge.n);
    visited.add(edge.n);
    if (row === undefined || row.status === "completed") continue;
    calls.push(edge.call);
    path.push({ row, next: waitsFor(decision, row) });
  }
  return undefined;
}

function waitsFor(
  decision: Decision,
  row: InvocationRow,
): { n: number; call: Waiter | undefined }[] {
  if (row.status === "inboxed") {
    const { lock } = decision.tables.objectOf(row);
    return [{ n: lock, call: undefined }];
  }
  const edges: { n: number; call: Waiter }[] = [];
  for (const [of, open] of row.open) {
    if (open.kind !== "call" && open.kind !== "attach") continue;
    edges.push({ n: open.n, call: { n: row.n, of } });
  }
  return edges;
}
