// The two errors users meet. HoldfastError: an expected operating failure, with a code from the
// table. TerminalError: a handler's final result, with a code of the user's choice. Both are
// recognised across duplicate installs by a registered symbol; callers match on `code`. A broken
// invariant is neither: see std/assert.ts.

import type { ErrorCode } from "./error-codes.ts";
import { errorCodes } from "./error-codes.ts";
import { failureDataLengthMax, failureMessageLengthMax } from "./limits.ts";
import type { Failure, Json } from "./payload.ts";

export type { ErrorCodeEntry } from "./error-code-entry.ts";
export type { ErrorCode } from "./error-codes.ts";
export { errorCodes } from "./error-codes.ts";

/** The registered symbol: its value says which of the two classes an error is of. */
const brand: unique symbol = Symbol.for("holdfast.error") as never;

export interface HoldfastErrorOptions {
  /** What happened, with values; the table's `fix` follows it. Default: the table's sentence. */
  readonly happened?: string | undefined;
  /** What to do, when the table's sentence can be more precise here. */
  readonly fix?: string | undefined;
  /** The whole message, when its wording is given from elsewhere; wins over the two above. */
  readonly message?: string | undefined;
  readonly data?: unknown;
  readonly status?: number | undefined;
  readonly terminal?: boolean | undefined;
  readonly retryable?: boolean | undefined;
  readonly cause?: unknown;
}

/**
 * An expected failure of operation. `code` is stable and documented in docs/errors.md; the message
 * says what happened and what to do.
 *
 * @example
 * if (isHoldfastError(error, "INVOCATION_NOT_FOUND")) return null;
 */
export class HoldfastError extends Error {
  readonly code: string;
  /** HTTP status a caller outside sees. */
  readonly status: number;
  /** Thrown in a handler, it ends the invocation instead of being retried. */
  readonly terminal: boolean;
  /** The same request may be sent again and may then succeed. */
  readonly retryable: boolean;
  /** Declared only, like the optional fields below: an error prints what it has. */
  declare readonly data: unknown;

  constructor(code: ErrorCode, options: HoldfastErrorOptions = {}) {
    const entry = errorCodes[code];
    const { happened = withValues(entry.happened, options.data), fix = entry.fix } = options;
    const { message = `${happened} ${fix}` } = options;
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.status = options.status ?? entry.status;
    this.terminal = options.terminal ?? entry.terminal ?? false;
    this.retryable = options.retryable ?? entry.retryable ?? false;
    if (options.data !== undefined) this.data = options.data;
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    if (this !== HoldfastError) return inPrototypeChain(this.prototype, value);
    return brandOf(value) !== undefined;
  }
}

export interface TerminalErrorOptions {
  /** What callers match on: any text of yours. Default "TERMINAL". */
  readonly code?: string | undefined;
  /** HTTP status a caller outside sees. Default 500. */
  readonly status?: number | undefined;
  /** A JSON value that travels with the error to every caller. */
  readonly data?: unknown;
  readonly cause?: unknown;
  /** Set when the error crosses a call: the invocation that failed, and its target. */
  readonly invocation?: string | undefined;
  readonly target?: string | undefined;
}

/**
 * Ends an invocation: it is its result and is not retried. Every caller, in this process, in
 * another app or over HTTP, catches a `TerminalError` with the same code, status and data.
 *
 * @example
 * throw new TerminalError("sold out", { code: "SOLD_OUT", status: 409, data: { left: 0 } });
 */
export class TerminalError extends HoldfastError {
  override readonly code: string;
  /** The invocation that failed, when the error has crossed a call. */
  declare readonly invocation: string | undefined;
  /** Its target as text, such as `Cart/user-1/addTicket`. */
  declare readonly target: string | undefined;

  constructor(message: string, options: TerminalErrorOptions = {}) {
    const { status, data, cause } = options;
    super("TERMINAL", { message, status, data, cause, terminal: true });
    this.code = options.code ?? "TERMINAL";
    if (options.invocation !== undefined) this.invocation = options.invocation;
    if (options.target !== undefined) this.target = options.target;
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    if (this !== TerminalError) return inPrototypeChain(this.prototype, value);
    return brandOf(value) === "terminal";
  }
}

mark(HoldfastError, "HoldfastError", "operating");
mark(TerminalError, "TerminalError", "terminal");

/** On the prototype, so that an instance carries and prints only what is its own. */
function mark(of: { readonly prototype: object }, name: string, kind: string): void {
  Object.defineProperty(of.prototype, brand, { value: kind });
  Object.defineProperty(of.prototype, "name", { value: name, configurable: true, writable: true });
}

function inPrototypeChain(prototype: object, value: unknown): boolean {
  return (
    typeof value === "object" &&
    value !== null &&
    Object.prototype.isPrototypeOf.call(prototype, value)
  );
}

function brandOf(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  return (value as { readonly [brand]?: unknown })[brand];
}

/** Whether `error` is ours, of any copy of this package; with `code`, whether it has that code. */
export function isHoldfastError(
  error: unknown,
  // Completed by editors, but open: the codes of terminal errors are the users' own.
  code?: ErrorCode | (string & {}),
): error is HoldfastError {
  if (brandOf(error) === undefined) return false;
  return code === undefined || (error as HoldfastError).code === code;
}

/**
 * The failure a result is made of, as plain data. What is not ours becomes HANDLER_FAILED with its
 * own message: whether it may end an invocation is the caller's question (`terminal`), not this
 * function's.
 */
export function failureOf(error: unknown): Failure {
  if (!isHoldfastError(error)) {
    return { code: "HANDLER_FAILED", message: cut(messageOf(error)), status: 500 };
  }
  const { invocation, target } = error as Partial<TerminalError>;
  const data = jsonOf(error.data);
  return {
    code: error.code,
    message: cut(error.message),
    status: error.status,
    ...(data === undefined ? undefined : { data }),
    ...(invocation === undefined ? undefined : { invocation }),
    ...(target === undefined ? undefined : { target }),
  };
}

/** The error a failure is thrown as, live and on replay alike (R5). */
export function errorOf(failure: Failure): TerminalError {
  return new TerminalError(failure.message, failure);
}

function cut(message: string): string {
  if (message.length <= failureMessageLengthMax) return message;
  return `${message.slice(0, failureMessageLengthMax)}…`;
}

/** A sentence with the error's values, where nobody has worded them: `… here (service: Cart).` */
function withValues(sentence: string, data: unknown): string {
  if (typeof data !== "object" || data === null || Array.isArray(data)) return sentence;
  const said: string[] = [];
  for (const [name, value] of Object.entries(data)) {
    const plain = typeof value === "string" || typeof value === "number";
    if (plain && String(value).length <= valueLengthMax) said.push(`${name}: ${value}`);
  }
  return said.length === 0 ? sentence : `${sentence.replace(/\.$/, "")} (${said.join(", ")}).`;
}

/** A longer value is data, and no longer helps a message. */
const valueLengthMax = 200;

function messageOf(error: unknown): string {
  if (error instanceof Error) return error.message === "" ? error.name : error.message;
  try {
    return typeof error === "string" ? error : `${typeof error} thrown: ${String(error)}`;
  } catch {
    return `${typeof error} thrown`;
  }
}

/** The data as it will be read back. An error must always travel, so what cannot is described. */
function jsonOf(data: unknown): Json | undefined {
  if (data === undefined) return undefined;
  try {
    const text: string | undefined = JSON.stringify(data);
    if (text === undefined) return undefined;
    if (text.length <= failureDataLengthMax) return JSON.parse(text) as Json;
    return { notKept: `${text.length} characters; at most ${failureDataLengthMax} are kept` };
  } catch (error) {
    return { notSerializable: messageOf(error) };
  }
}
