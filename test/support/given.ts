// Rules without engine, clock or await: given proposals that were decided, when one more is, then
// look at what was decided. Also the leader that random tests drive.
import { batchBytes, recordLine } from "../../src/codec/record.ts";
import { MemoryColdTable } from "../../src/local/memory-cold-table.ts";
import type { Change } from "../../src/model/change.ts";
import type { Answer, Request } from "../../src/model/effect.ts";
import { idOf } from "../../src/model/invocation-id.ts";
import type { CommandRequest, Proposal } from "../../src/model/proposal.ts";
import type { InvocationRow, Mode } from "../../src/model/row.ts";
import { type Decided, decide } from "../../src/partition/decide.ts";
import type { Directory, Leader } from "../../src/partition/decision.ts";
import { Tables } from "../../src/partition/tables/tables.ts";
import type { StoredBatch } from "../../src/ports/changelog.ts";

type Without<P> = P extends { readonly request: Request } ? Omit<P, "request"> : P;
/** A proposal as tests write it: its request is the test's own. */
export type Given = Without<Proposal>;

export const began: number = Date.UTC(2026, 0, 1);

/** What is hosted, by handler name: its mode. `Gone` is hosted by nobody. */
const modes: Readonly<Record<string, Mode>> = {
  plain: "plain",
  hold: "exclusive",
  other: "exclusive",
  read: "shared",
  run: "workflow",
};

export class Deciding implements Leader {
  readonly tables: Tables;
  readonly records: { readonly line: string; readonly changes: readonly Change[] }[] = [];
  position = 0;
  time: number = began;
  free = true;
  hosted = true;
  answer: Answer | undefined;
  #minted = 0;

  constructor(
    cold: MemoryColdTable = new MemoryColdTable(),
    keepRows = 1000,
    home?: { readonly place: string; readonly secret: string },
  ) {
    const options = { keepRows, timerHorizonMs: 5000, timerPageMax: 100, track: false };
    this.tables = new Tables(cold, options);
    this.directory.cluster = home !== undefined;
    this.decide({ kind: "lead", epoch: 1, nonce: "n", unclean: false, home });
  }

  readonly directory: { -readonly [K in keyof Directory]: Directory[K] } = {
    handler: (service, handler) => {
      if (service === "Gone" || !this.hosted) return "no-service";
      const mode = modes[handler];
      if (mode === undefined) return "no-handler";
      return service === "W" && mode === "shared" ? { mode, beside: true } : { mode };
    },
    cluster: false,
    locate: () => undefined,
    locateId: () => undefined,
    ownKey: (partitionKey) => partitionKey,
  };

  mint(): string {
    return String(++this.#minted)
      .padEnd(21, "A")
      .concat("A");
  }

  room(): boolean {
    return this.free;
  }

  decide(given: Given): Decided & { readonly answer: Answer | undefined } {
    this.answer = undefined;
    const request: Request = { settle: (answer) => void (this.answer = answer) };
    this.position++;
    const decided = decide(this.tables, { ...given, request } as Proposal, this);
    if (decided.changes.length === 0) this.position--;
    else {
      const line = recordLine(this.time, decided.changes);
      this.records.push({ line, changes: decided.changes });
    }
    for (const effect of decided.effects) {
      if (effect.kind === "answer") effect.request.settle(effect.answer);
    }
    const { changes, learned, effects, entry } = decided;
    return { changes, learned, effects, entry, answer: this.answer };
  }

  /** The records from `first` on as one durable batch. */
  batch(first: number, count: number): StoredBatch {
    const lines = this.records.slice(first - 1, first - 1 + count).map(({ line }) => line);
    return { first, count, epoch: 1, bytes: batchBytes(lines), chain: first };
  }

  idOf(n: number): string {
    return idOf(this.row(n));
  }

  row(n: number): InvocationRow {
    const row = this.tables.invocation(n);
    if (row === undefined) throw new Error(`there is no invocation ${n}`);
    return row;
  }
}

type When = ReturnType<Deciding["decide"]> & { readonly leader: Deciding };

/** Decides these, one after another, as if each were durable. */
export function given(proposals: readonly Given[], leader: Deciding = new Deciding()) {
  for (const proposal of proposals) leader.decide(proposal);
  return { leader, when: (proposal: Given): When => ({ ...leader.decide(proposal), leader }) };
}

export const kindsOf = (changes: readonly Change[]): string[] => changes.map(({ kind }) => kind);

/** `Cart/k/hold`, or `Service/plain`. */
export function invoke(
  text: string,
  options: { idempotencyKey?: string; due?: number } = {},
): Given {
  const { due, ...rest } = options;
  return { kind: "invoke", call: { target: targetOf(text), input: "1", ...rest }, due };
}

export function ask(n: number, command: CommandRequest, attempt = 1): Given {
  return { kind: "command", n, attempt, revision: "r1", command };
}

export function calls(text: string, idempotencyKey?: string): CommandRequest {
  return { kind: "call", call: { target: targetOf(text), input: "1", idempotencyKey }, hash: "h" };
}

export function finish(n: number, attempt = 1): Given {
  return { kind: "finish", n, attempt, result: { value: '"done"' } };
}

export function targetOf(text: string): { service: string; key: string | null; handler: string } {
  const parts = text.split("/");
  const [service, key, handler] = parts as [string, string, string];
  return parts.length === 2 ? { service, key: null, handler: key } : { service, key, handler };
}
