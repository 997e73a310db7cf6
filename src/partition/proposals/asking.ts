// One command of a handler as it is asked: it enters the journal here, with its number.
import type { Command, CommandEntry } from "../../model/entry.ts";
import type { Result } from "../../model/payload.ts";
import type { InvocationRow, OpenCommand } from "../../model/row.ts";
import type { Decision } from "../decision.ts";
import { complete } from "./notify.ts";

/** One command being asked: who asks, and the number the command gets. */
export class Asking {
  readonly decision: Decision;
  readonly row: InvocationRow;
  readonly index: number;
  entry: CommandEntry | undefined;
  readonly #revision: string;

  constructor(decision: Decision, row: InvocationRow, revision: string) {
    this.decision = decision;
    this.row = row;
    this.index = row.commands;
    this.#revision = revision;
  }

  /** Logs the command; `open` when it is answered later. */
  log(command: Command, open?: OpenCommand): void {
    const { row, index, decision } = this;
    const revision = row.revision === this.#revision ? undefined : this.#revision;
    const entry: CommandEntry = { kind: "command", index, command, at: decision.time, revision };
    this.entry = entry;
    decision.emit({ kind: "command", n: row.n, entry, open });
  }

  answer(result: Result): void {
    complete(this.decision, { n: this.row.n, of: this.index }, result);
  }

  get key(): { readonly service: string; readonly key: string } {
    return { service: this.row.service, key: this.row.key ?? "" };
  }
}
