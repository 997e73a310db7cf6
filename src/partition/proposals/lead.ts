// A new epoch begins, and what is kept no longer goes. Both are logged decisions: recovery and the
// materialiser do what the record says, never what their clock says (R17).
import type { Proposal } from "../../model/proposal.ts";
import { countExpiryBase } from "../../model/row.ts";
import type { Decision } from "../decision.ts";

/** Completed invocations kept by number, and how many more gather before a sweep. */
export interface Keep {
  readonly newest: number;
  readonly slack: number;
}

export function lead(decision: Decision, proposal: Extract<Proposal, { kind: "lead" }>): void {
  if (decision.tables.meta.secret === "") {
    const secret = decision.leader.mint() + decision.leader.mint();
    decision.emit({ kind: "genesis", secret, line: decision.leader.mint() });
  }
  const { epoch, nonce, unclean } = proposal;
  decision.emit({ kind: "led", epoch, nonce, unclean });
}

/** Workflow runs leave one by one, with their promises and state: at most this many at a time. */
const runsMax = 100;

export function sweep(decision: Decision, countUpTo: number | undefined): void {
  const { tables, time } = decision;
  const { meta } = tables;
  const count = countUpTo === undefined ? meta.sweptCount : countExpiryBase + countUpTo;
  if (count > meta.sweptCount || time - meta.sweptTime >= 1000) {
    decision.emit({ kind: "swept", count: Math.max(count, meta.sweptCount), time });
  }
  for (const n of expiredRuns(decision)) decision.emit({ kind: "purged", n });
}

/** Looks further where the cold table still holds those that were purged already. */
function expiredRuns({ tables, time }: Decision): number[] {
  for (let limit = runsMax; ; limit *= 2) {
    const page = tables.cold.expiredRuns(time, limit);
    const there = page.filter((n) => {
      const row = tables.invocation(n);
      return row !== undefined && row.expiry !== null && row.expiry <= time;
    });
    if (there.length > 0 || page.length < limit) return there.slice(0, runsMax);
  }
}
