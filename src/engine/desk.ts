// A partition as the doors see it, whether it is led here or on another node: it takes proposals
// that somebody outside waits for, and says who still waits.
import type { Home } from "../model/invocation-id.ts";
import type { Proposal } from "../model/proposal.ts";
import type { InvocationNumber } from "../model/row.ts";
import type { Asker, Reply } from "./replies.ts";

/** What is asked from outside: it carries the request that is answered. */
export type Asked = Extract<Proposal, { readonly request: object }>;

/** Callers who wait; see Replies. */
export interface Waiters {
  wait(n: InvocationNumber, reply: Reply): void;
  leave(n: InvocationNumber, reply: Reply): void;
  asked(asker: Asker): boolean;
  answered(asker: Asker): void;
  request(reject: (error: unknown) => void, ask: (done: () => void) => void): void;
}

export interface Desk {
  readonly replies: Waiters;
  readonly home: Home;
  now(): number;
  /** Waits while new work is not admitted; undefined when it is (R13). */
  admit(): Promise<void> | undefined;
  propose(proposal: Asked): void;
  /** Resolves when all that is decided by now is in the cold table. */
  fold(): Promise<void>;
}
