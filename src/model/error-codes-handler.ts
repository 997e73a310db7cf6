// The part of the error table about running handlers: journals, steps, cancellation, deadlocks,
// state. See error-codes.ts for the whole.

import type { ErrorCodeEntry } from "./error-code-entry.ts";

export type HandlerErrorCode =
  | "TERMINAL"
  | "HANDLER_FAILED"
  | "STEP_FAILED"
  | "STEP_TIMEOUT"
  | "TIMEOUT"
  | "CANCELLED"
  | "KILLED"
  | "PAUSED"
  | "KEY_DEADLOCK"
  | "CALL_DEPTH"
  | "JOURNAL_MISMATCH"
  | "JOURNAL_TOO_LONG"
  | "UNJOURNALED_AWAIT"
  | "RUN_NESTED"
  | "CONTEXT_CLOSED"
  | "ATTEMPT_KILLED_PROCESS"
  | "STATE_READ_ONLY"
  | "STATE_TOO_LARGE"
  | "CRASH_TEST_FAILED"
  | "HANDLER_NOT_MOCKED"
  | "VERSION_UNSUPPORTED"
  | "REPLAY_DIVERGED"
  | "JOURNAL_FILE_INVALID";

export const handlerErrorCodes: Readonly<Record<HandlerErrorCode, ErrorCodeEntry>> = {
  TERMINAL: {
    status: 500,
    terminal: true,
    happened: "A handler threw a TerminalError without a code of its own.",
    why: "It is the invocation's result and is not retried.",
    fix: "Read its message; give it a `code` if callers are to tell it from others.",
  },
  HANDLER_FAILED: {
    status: 500,
    terminal: true,
    happened: "The handler kept failing until its retry policy was exhausted.",
    why: "The last error is the result its callers see.",
    fix: "Mend the cause named in the message, then start it again.",
  },
  STEP_FAILED: {
    status: 500,
    terminal: true,
    happened: "A step kept failing until its retry policy was exhausted.",
    why: "It may have taken effect outside even though it failed.",
    fix: "Catch it to compensate, mend the cause, or allow more attempts.",
  },
  STEP_TIMEOUT: {
    status: 504,
    happened: "A try of a step took longer than its `timeout`.",
    why: "Its AbortSignal was raised; it may still take effect outside.",
    fix: "Pass `step.signal` on to what it calls; lengthen the timeout if it is too short.",
  },
  TIMEOUT: {
    status: 408,
    terminal: true,
    happened: "What `ctx.timeout` was waiting for did not happen in time.",
    why: "What was waited for goes on; only the waiting ended.",
    fix: "Catch it to go another way, or lengthen the timeout.",
  },
  CANCELLED: {
    status: 409,
    terminal: true,
    happened: "The invocation was cancelled.",
    why: "Its compensations may run; it then ends with this error unless it catches it.",
    fix: "Nothing, if it was meant. Invoke again to start anew.",
  },
  PAUSED: {
    status: 409,
    happened: "The invocation was paused by an operator.",
    why: "It holds its key and its place, and does nothing until it is resumed.",
    fix: "Resume it.",
  },
  KILLED: {
    status: 409,
    terminal: true,
    happened: "The invocation was killed.",
    why: "It ended at once: no compensation has run.",
    fix: "Check what it left half done; cancel instead of kill lets it clean up.",
  },
  KEY_DEADLOCK: {
    status: 409,
    terminal: true,
    happened: "The call would wait for a key that is held by one of its own callers.",
    why: "Neither could ever go on.",
    fix: "Use `ctx.send` instead of `ctx.call`, make the callee `shared`, or use another key.",
  },
  CALL_DEPTH: {
    status: 508,
    terminal: true,
    happened: "Calls are nested deeper than the limit.",
    why: "A handler that calls itself without end would fill the journal.",
    fix: "End the recursion, or continue with `ctx.send`.",
  },
  JOURNAL_MISMATCH: {
    status: 500,
    happened: "On replay the handler asked for something other than its journal holds.",
    why: "Its code changed or is not deterministic; the invocation is paused, nothing is repeated.",
    fix: "Deploy code that matches the journal, then resume it; or cancel it.",
  },
  JOURNAL_TOO_LONG: {
    status: 500,
    terminal: true,
    happened: "The journal of the invocation has reached its limit.",
    why: "Every entry is read again on each replay.",
    fix: "Continue in a new invocation: `ctx.send` to the same handler with what is left.",
  },
  UNJOURNALED_AWAIT: {
    status: 500,
    happened: "The handler awaited something that is not in its journal.",
    why: "On replay it would resume in another order, or with another value.",
    fix: "Put it into `ctx.run(name, () => ...)`.",
  },
  RUN_NESTED: {
    status: 500,
    terminal: true,
    happened: "The context was used inside the body of `ctx.run`.",
    why: "The body is not run on replay, so what it asked for would be missing.",
    fix: "Return what is needed from the body and use the context after it.",
  },
  CONTEXT_CLOSED: {
    status: 500,
    happened: "The context was used after its handler had ended.",
    why: "Nothing can be added to a journal that is complete.",
    fix: "Await what the handler starts before it returns; do not keep the context.",
  },
  ATTEMPT_KILLED_PROCESS: {
    status: 500,
    happened: "The process ended several times while this invocation was running.",
    why: "It probably causes it (memory, `process.exit`, native code), so it is paused.",
    fix: "Mend the handler and resume it; or cancel it.",
  },
  STATE_READ_ONLY: {
    status: 409,
    terminal: true,
    happened: "A shared handler tried to write state.",
    why: "It runs beside the exclusive one, whose writes it could overwrite.",
    fix: "Write in an exclusive handler and send to it.",
  },
  STATE_TOO_LARGE: {
    status: 413,
    terminal: true,
    happened: "The state of one key has reached its limit, in names or in bytes.",
    why: "State is read with its key and kept with it.",
    fix: "Spread it over more keys, or keep large values elsewhere.",
  },
  CRASH_TEST_FAILED: {
    status: 500,
    happened: "A crash test found a crash after which something else comes out.",
    why: "What is not the same after a crash will go wrong in production, once.",
    fix: "Read the message: it has the crash, the journal and the line to look at.",
  },
  HANDLER_NOT_MOCKED: {
    status: 500,
    terminal: true,
    happened: "A test called a handler of a mocked service that it does not say anything of.",
    why: "What it would have done is not known.",
    fix: "Give the handler to `mock(target, { … })`, or host the service itself.",
  },
  VERSION_UNSUPPORTED: {
    status: 500,
    happened:
      "The invocation follows a version of a change that this code no longer, or not yet, has.",
    why: "Following another one now would not match what it has done.",
    fix: "Deploy code that has this version: it then goes on by itself.",
  },
  REPLAY_DIVERGED: {
    status: 500,
    happened: "Code and a journal that was replayed against it part.",
    why: "An invocation with this journal would be paused when the code is deployed.",
    fix: "Read the message: it has the command, what the journal holds there, and the line.",
  },
  JOURNAL_FILE_INVALID: {
    status: 400,
    happened: "The file is no journal that this version can read.",
    why: "Replay needs the whole of what was exported.",
    fix: "Export it again: `holdfast export <id> > run.json`.",
  },
};
