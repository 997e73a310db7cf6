// What must not happen twice although it is asked twice: the answer to a request was lost, and its
// door asks again, perhaps another leader. The id of the request is logged with what it caused (R26),
// as the derived id of an invocation: of the one it created, or of one that ended at once and only
// says that it was done. Both are kept for longer than a door asks.

import type { Request } from "../../model/effect.ts";
import { parseInvocationId } from "../../model/ids.ts";
import type { InvocationRow } from "../../model/row.ts";
import { requestHandler } from "../../model/target.ts";
import type { Decision } from "../decision.ts";
import { answerOf } from "./create.ts";
import { finish } from "./finish.ts";

/** How long it is known what a request caused, in ms: a door gives up after half of it. */
export const requestRetentionMs = 120_000;

/** Answers what was done before; false where it was not, or nobody knows any more. */
export function doneBefore(
  decision: Decision,
  { once, request }: { readonly once?: string | undefined; readonly request: Request },
): boolean {
  const row = once === undefined ? undefined : decision.tables.byDerivedId(once);
  if (row === undefined) return false;
  const marker = row.handler === requestHandler;
  decision.answer(request, marker ? { kind: "done" } : answerOf(row, false));
  return true;
}

/** Notes that it is done; it creates nothing else in this decision. */
export function noteDone(decision: Decision, service: string, once: string | undefined): void {
  if (once === undefined) return;
  decision.emit({
    kind: "invoked",
    invocation: {
      ...{ partitionKey: parseInvocationId(once).partitionKey, derivedId: once },
      incarnation: decision.leader.mint(),
      ...{ service, key: null, handler: requestHandler, mode: "plain", input: null },
      retention: requestRetentionMs,
    },
  });
  const row = decision.tables.invocation(decision.leader.position) as InvocationRow;
  finish(decision, row, { value: null });
}
