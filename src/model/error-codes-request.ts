// The part of the error table about what a caller asks: targets, keys, ids, sizes, and the
// definitions that say what can be asked for. See error-codes.ts for the whole.

import type { ErrorCodeEntry } from "./error-code-entry.ts";

export type RequestErrorCode =
  | "SERVICE_NOT_FOUND"
  | "HANDLER_NOT_FOUND"
  | "SERVICE_DUPLICATE"
  | "NAME_INVALID"
  | "KEY_INVALID"
  | "HEADERS_INVALID"
  | "IDEMPOTENCY_KEY_INVALID"
  | "IDEMPOTENCY_KEY_NOT_ALLOWED"
  | "PAYLOAD_TOO_LARGE"
  | "INPUT_INVALID"
  | "OUTPUT_INVALID"
  | "VALUE_NOT_SERIALIZABLE"
  | "DURATION_INVALID"
  | "INVOCATION_NOT_FOUND"
  | "INVOCATION_ID_INVALID"
  | "INVOCATION_NOT_COMPLETED"
  | "WORKFLOW_ALREADY_STARTED"
  | "AWAKEABLE_NOT_FOUND"
  | "AWAKEABLE_ID_INVALID"
  | "PROMISE_ALREADY_COMPLETED"
  | "INVOCATION_NOT_RUNNING"
  | "STATE_CONFLICT"
  | "INBOX_FULL"
  | "RESTART_UNSAFE"
  | "INVOCATION_COMPLETED"
  | "QUERY_INVALID"
  | "QUERY_UNAVAILABLE"
  | "QUERY_BUSY";

export const requestErrorCodes: Readonly<Record<RequestErrorCode, ErrorCodeEntry>> = {
  SERVICE_NOT_FOUND: {
    status: 404,
    terminal: true,
    happened: "No service of this name is registered.",
    why: "Nobody would ever run the request.",
    fix: "Pass its definition to `Engine.open({ services: [...] })`, or mend the name.",
  },
  HANDLER_NOT_FOUND: {
    status: 404,
    terminal: true,
    happened: "The service has no handler of this name.",
    why: "Nobody would ever run the request.",
    fix: "Mend the name, or deploy the revision that has the handler.",
  },
  SERVICE_DUPLICATE: {
    status: 409,
    happened: "Two definitions have the same name.",
    why: "A request could not tell which of them it is for.",
    fix: "Rename one of them, or register it once.",
  },
  NAME_INVALID: {
    status: 400,
    terminal: true,
    happened: "The name of a service, handler, step, state or promise is not allowed.",
    why: "Names are part of addresses, ids and journals.",
    fix: "Use letters, digits, `_`, `-` and `.`, first a letter or digit, and no reserved name.",
  },
  KEY_INVALID: {
    status: 400,
    terminal: true,
    happened: "The key of an object or workflow is missing, empty, too long or not text.",
    why: "The key decides which object is addressed.",
    fix: "Pass a non-empty string of at most 1024 bytes.",
  },
  HEADERS_INVALID: {
    status: 400,
    terminal: true,
    happened: "The headers are too many, too large, or hold a value that is not text.",
    why: "They are kept with the invocation for as long as it lives.",
    fix: "Pass at most 64 headers of 16 KiB together; put larger values in the input.",
  },
  IDEMPOTENCY_KEY_INVALID: {
    status: 400,
    terminal: true,
    happened: "The idempotency key is empty, too long or not text.",
    why: "Two requests with the same key are one invocation, so the key must be exact.",
    fix: "Pass a non-empty string of at most 512 bytes.",
  },
  IDEMPOTENCY_KEY_NOT_ALLOWED: {
    status: 400,
    terminal: true,
    happened: "An idempotency key was given for a workflow's `run`.",
    why: "The workflow key already makes it idempotent.",
    fix: "Leave the idempotency key out.",
  },
  PAYLOAD_TOO_LARGE: {
    status: 413,
    terminal: true,
    happened: "A value is larger than the limit for payloads.",
    why: "Every value is kept in a journal and read again on replay.",
    fix: "Store it elsewhere and pass a reference, or pass it in parts.",
  },
  INPUT_INVALID: {
    status: 400,
    terminal: true,
    happened: "The input does not satisfy the handler's schema.",
    why: "The handler has not run.",
    fix: "Send an input the schema accepts; the issues name what is wrong and where.",
  },
  OUTPUT_INVALID: {
    status: 500,
    terminal: true,
    happened: "The handler's result does not satisfy its output schema.",
    why: "Callers rely on the schema.",
    fix: "Mend the handler or its schema.",
  },
  VALUE_NOT_SERIALIZABLE: {
    status: 500,
    terminal: true,
    happened: "A value would not come back from the journal as it went in.",
    why: "The handler would see one value now and another one after a restart.",
    fix: "Convert it first (a Date by toISOString, a Map by Object.fromEntries), or use a serde.",
  },
  DURATION_INVALID: {
    status: 400,
    terminal: true,
    happened: "A duration cannot be read, or is out of bounds.",
    why: "A timer set by a guess would fire at a wrong time.",
    fix: 'Pass milliseconds or text such as "90s", "15m" or "1h30m", from 0 to 365 days.',
  },
  INVOCATION_NOT_FOUND: {
    status: 404,
    terminal: true,
    happened: "There is no invocation with this id.",
    why: "It never existed, or its retention is over and it was forgotten.",
    fix: "Check the id; lengthen the retention of the handler if results are asked for later.",
  },
  INVOCATION_ID_INVALID: {
    status: 400,
    terminal: true,
    happened: "The text is not an invocation id.",
    why: "No invocation can be found by it.",
    fix: "Pass the id exactly as it was given: `inv_1` and 33 letters or digits.",
  },
  INVOCATION_NOT_COMPLETED: {
    status: 470,
    retryable: true,
    happened: "The invocation exists but has not completed yet.",
    why: "There is no result to show.",
    fix: "Ask again later, or attach to it to wait for the result.",
  },
  WORKFLOW_ALREADY_STARTED: {
    status: 409,
    terminal: true,
    happened: "The workflow's `run` was already invoked for this key.",
    why: "It executes once per key.",
    fix: "Attach to the run that exists, or use another key.",
  },
  AWAKEABLE_NOT_FOUND: {
    status: 404,
    terminal: true,
    happened: "Nobody waits for this awakeable.",
    why: "Its invocation has ended or was forgotten.",
    fix: "Nothing is left to do unless the id belongs to another engine.",
  },
  AWAKEABLE_ID_INVALID: {
    status: 400,
    terminal: true,
    happened: "The text is not an awakeable id.",
    why: "No waiting invocation can be found by it.",
    fix: "Pass the id exactly as `ctx.awakeable()` gave it.",
  },
  PROMISE_ALREADY_COMPLETED: {
    status: 409,
    terminal: true,
    happened: "The durable promise was already completed.",
    why: "It is settled once; the first value stands.",
    fix: "Peek at it before completing it, or catch this error.",
  },
  INVOCATION_NOT_RUNNING: {
    status: 409,
    happened: "The invocation has not begun, or is over.",
    why: "Only what has begun can be held and let go on.",
    fix: "Cancel it if it must not begin, or wait until it has.",
  },
  STATE_CONFLICT: {
    status: 409,
    retryable: true,
    happened: "The state was not edited: when its turn came it had another version.",
    why: "Somebody changed it since it was read, and the edit would undo that.",
    fix: "Read the state again and repeat the edit with its version.",
  },
  INBOX_FULL: {
    status: 429,
    terminal: true,
    retryable: true,
    happened: "Too many invocations wait for this key.",
    why: "They run one at a time, so the last one would wait very long.",
    fix: "See why the first one does not finish (`holdfast why`), or spread over more keys.",
  },
  RESTART_UNSAFE: {
    status: 409,
    happened: "The invocation cannot be restarted from this entry without losing something.",
    why: "An awakeable or call opened before it is still waited for by somebody else.",
    fix: "Restart from an earlier entry, or ask for it explicitly.",
  },
  INVOCATION_COMPLETED: {
    status: 409,
    happened: "The invocation has ended already.",
    why: "There is nothing left to hold, to let go on or to end.",
    fix: "Restart it to run it again, as a new one; purge it to forget it.",
  },
  QUERY_INVALID: {
    status: 400,
    happened: "The question cannot be answered as it was asked.",
    why: "A filter, a limit, a cursor or the SQL does not read.",
    fix: "Mend what the message names; docs/http-api.md has all filters, docs/tables.md all views.",
  },
  QUERY_UNAVAILABLE: {
    status: 503,
    happened: "This engine's storage cannot be looked at.",
    why: "It has no table that a query could read.",
    fix: "Open the engine on a data directory.",
  },
  QUERY_BUSY: {
    status: 429,
    retryable: true,
    happened: "Too many questions in SQL wait for their answer.",
    why: "They are answered one after the other, beside the engine.",
    fix: "Ask again when those before are answered.",
  },
};
