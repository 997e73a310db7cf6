// The journal and the code disagree: which entry, what the journal holds, what the code asked.
import type { Command, CommandEntry } from "../model/entry.ts";
import type { CommandRequest } from "../model/proposal.ts";
import { targetText } from "../model/target.ts";

export { targetText } from "../model/target.ts";

export interface Difference {
  /** Number of the command at which they part. */
  readonly index: number;
  /** What the journal holds, and what the code asked, in words. */
  readonly expected: string;
  readonly actual: string;
}

/** Undefined when the request is what the journal holds at this entry. */
export function difference(
  entry: CommandEntry,
  request: CommandRequest,
  compareInput: boolean,
): Difference | undefined {
  const { command, index } = entry;
  if (command.kind === request.kind && same(command, request, compareInput)) return undefined;
  return { index, expected: wordsOf(command), actual: wordsOf(request) };
}

function same(command: Command, request: CommandRequest, compareInput: boolean): boolean {
  if (nameOf(command) !== nameOf(request)) return false;
  const hash = "hash" in command ? command.hash : undefined;
  return !compareInput || hash === undefined || hash === ("hash" in request ? request.hash : hash);
}

/** What, beside its kind, a command must repeat; its input is compared by hash. */
function nameOf(command: Command | CommandRequest): string {
  switch (command.kind) {
    case "call":
    case "send":
      return targetText("target" in command ? command.target : command.call.target);
    case "get":
    case "set":
    case "clear":
    case "run":
    case "version":
    case "signal":
    case "promise":
    case "promisePeek":
    case "promiseComplete":
      return command.name;
    case "attach":
    case "cancel":
    case "awakeableComplete":
      return command.id;
    case "signalSend":
      return `${command.name} to ${command.id}`;
    default:
      return "";
  }
}

/** Such as `run "charge"` or `call Cart/user-1/addTicket with input 1f0c…`. */
export function wordsOf(command: Command | CommandRequest): string {
  const name = nameOf(command);
  switch (command.kind) {
    case "call":
    case "send":
      return `${command.kind} ${name} (input ${command.hash.slice(0, 8)})`;
    case "sleep":
    case "awakeable":
    case "clearAll":
    case "stateKeys":
    case "output":
      return command.kind;
    default:
      return `${command.kind} ${JSON.stringify(name)}`;
  }
}
