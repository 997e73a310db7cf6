// One invocation and its journal as a file: what `holdfast export` writes, and what replay tests and
// debuggers read. It holds what replay needs and nothing else of the engine it came from. Values can
// be made unreadable on the way out; inputs of calls are then not compared.
import { decodeInvocation, encodeInvocation, type InvocationColumns } from "../codec/row.ts";
import type { Command, Entry } from "../model/entry.ts";
import { HoldfastError } from "../model/errors.ts";
import { idOf } from "../model/invocation-id.ts";
import type { Json, Payload, Result } from "../model/payload.ts";
import type { InvocationRow } from "../model/row.ts";
import { targetText } from "../replay/mismatch.ts";

export interface StoredJournal {
  /** Of this file. */
  readonly format: 1;
  readonly id: string;
  readonly target: string;
  /** Values were replaced: nothing may be concluded from them. */
  readonly redacted?: true;
  readonly invocation: Readonly<Record<string, unknown>>;
  readonly entries: readonly Entry[];
}

/** Where a value stands: `of` names the step, state, signal or header. */
export interface Redacted {
  readonly kind: "input" | "header" | "output" | "state" | "step" | "call" | "signal" | "answer";
  readonly of: string;
}

/** What is written in place of a value. */
export type Redact = (value: Json, where: Redacted) => Json;

export function storeJournal(
  row: InvocationRow,
  entries: readonly Entry[],
  redact?: Redact,
): StoredJournal {
  const { n, partitionKey, service, key, handler, mode, status, derivedId } = row;
  const { createdAt, modifiedAt, completedAt, due, expiry } = row;
  const columns: InvocationColumns = {
    ...{ n, partitionKey, service, key, handler, mode, status, createdAt, modifiedAt },
    ...{ completedAt, due, expiry, derivedId },
  };
  const shown = redact === undefined ? row : redactedRow(row, redact);
  return {
    format: 1,
    id: idOf(row),
    target: targetText(row),
    ...(redact === undefined ? {} : { redacted: true as const }),
    invocation: { ...columns, ...(JSON.parse(encodeInvocation(shown)) as object) },
    entries: redact === undefined ? entries : redactedEntries(entries, redact),
  };
}

/** @throws HoldfastError `JOURNAL_FILE_INVALID`. */
export function parseJournal(text: string): StoredJournal {
  let found: Partial<StoredJournal> | null;
  try {
    found = JSON.parse(text) as Partial<StoredJournal> | null;
  } catch (cause) {
    throw new HoldfastError("JOURNAL_FILE_INVALID", { cause });
  }
  const { format, invocation, entries } = found ?? {};
  if (typeof format === "number" && format > 1) {
    throw new HoldfastError("JOURNAL_FILE_INVALID", {
      happened: `The file has format ${format}; this version reads 1.`,
    });
  }
  const whole = format === 1 && typeof invocation === "object" && Array.isArray(entries);
  if (!whole) throw new HoldfastError("JOURNAL_FILE_INVALID");
  return found as StoredJournal;
}

export function rowOf({ invocation }: StoredJournal): InvocationRow {
  return decodeInvocation(invocation as unknown as InvocationColumns, JSON.stringify(invocation));
}

function redactedRow(row: InvocationRow, redact: Redact): InvocationRow {
  const input = redactedPayload(row.input, { kind: "input", of: row.handler }, redact);
  const headers =
    row.headers &&
    Object.fromEntries(
      Object.entries(row.headers).map(([of, value]) => [
        of,
        String(redact(value, { kind: "header", of })),
      ]),
    );
  const where = { kind: "output", of: row.handler } as const;
  const result = row.result && redactedResult(row.result, where, redact);
  return { ...row, input, headers, result };
}

function redactedEntries(entries: readonly Entry[], redact: Redact): Entry[] {
  const commands: Command[] = [];
  return entries.map((entry) => {
    if (entry.kind === "command") {
      commands.push(entry.command);
      return { ...entry, command: redactedCommand(entry.command, redact) };
    }
    if (entry.kind === "cancelled") return entry;
    const where =
      entry.kind === "completed"
        ? whereOf(commands[entry.of])
        : ({ kind: "signal", of: entry.name } as const);
    return { ...entry, result: redactedResult(entry.result, where, redact) };
  });
}

function redactedCommand(command: Command, redact: Redact): Command {
  switch (command.kind) {
    case "set": {
      const where = { kind: "state", of: command.name } as const;
      return { ...command, value: redactedPayload(command.value, where, redact) };
    }
    case "get": {
      if (command.answer === undefined) return command;
      const where = { kind: "state", of: command.name } as const;
      return { ...command, answer: redactedPayload(command.answer, where, redact) };
    }
    case "promisePeek": {
      const where = { kind: "answer", of: command.name } as const;
      return {
        ...command,
        answer: command.answer && redactedResult(command.answer, where, redact),
      };
    }
    default:
      return command;
  }
}

function whereOf(command: Command | undefined): Redacted {
  if (command?.kind === "run") return { kind: "step", of: command.name };
  if (command?.kind === "call") return { kind: "call", of: targetText(command.target) };
  return { kind: "answer", of: command !== undefined && "name" in command ? command.name : "" };
}

function redactedResult(result: Result, where: Redacted, redact: Redact): Result {
  if ("value" in result) return { value: redactedPayload(result.value, where, redact) };
  const { data, ...failure } = result.failure;
  return { failure: data === undefined ? failure : { ...failure, data: redact(data, where) } };
}

/** Bytes are shown to nobody: what they mean is not known here. */
function redactedPayload(payload: Payload, where: Redacted, redact: Redact): Payload {
  if (payload === null) return null;
  if (typeof payload !== "string") return { ...payload, base64: "" };
  return JSON.stringify(redact(JSON.parse(payload) as Json, where));
}
