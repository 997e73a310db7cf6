// A new epoch begins: a logged decision, as all that recovery and the materialiser are to know.
import type { Proposal } from "../../model/proposal.ts";
import type { Decision } from "../decision.ts";

export function lead(decision: Decision, proposal: Extract<Proposal, { kind: "lead" }>): void {
  const { epoch, nonce, unclean, home } = proposal;
  if (decision.tables.meta.secret === "") {
    const secret = home?.secret ?? decision.leader.mint() + decision.leader.mint();
    decision.emit({ kind: "genesis", secret, line: decision.leader.mint(), place: home?.place });
  }
  decision.emit({ kind: "led", epoch, nonce, unclean });
}
