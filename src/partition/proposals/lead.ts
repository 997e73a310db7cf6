// A new epoch begins: a logged decision, as all that recovery and the materialiser are to know.
import type { Proposal } from "../../model/proposal.ts";
import type { Decision } from "../decision.ts";

export function lead(decision: Decision, proposal: Extract<Proposal, { kind: "lead" }>): void {
  if (decision.tables.meta.secret === "") {
    const secret = decision.leader.mint() + decision.leader.mint();
    decision.emit({ kind: "genesis", secret, line: decision.leader.mint() });
  }
  const { epoch, nonce, unclean } = proposal;
  decision.emit({ kind: "led", epoch, nonce, unclean });
}
