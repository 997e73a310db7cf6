// Events as lines of a structured logger: the message for people, the fields for machines, and on every
// line of an invocation who it is about.
import { eventLine, type Format } from "./event-line.ts";
import type { EngineEvent } from "./events.ts";

type Level = "debug" | "info" | "warn" | "error";

/** A logger as pino has it: fields first, then the message. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export function logTo(logger: Logger, format: Format): (event: EngineEvent) => void {
  return (event) => {
    const message = event.kind === "console" ? format(event.args) : messageOf(event, format);
    logger[levelOf(event)](fieldsOf(event), message);
  };
}

function messageOf(event: EngineEvent, format: Format): string {
  return eventLine(event, format)?.replace(/^holdfast: /, "") ?? event.kind;
}

function fieldsOf(event: EngineEvent): object {
  const { kind, ...fields } = event;
  if (!("ofAttempt" in fields)) return { event: kind, ...fields };
  const { id: invocation, target, ofAttempt: attempt, ...more } = fields;
  const about = { event: kind, invocation, target, attempt };
  if (kind === "console") return about;
  if (!("step" in more)) return { ...about, ...more };
  const { attempt: tried, ...rest } = more;
  return { ...about, ...rest, try: tried };
}

function levelOf(event: EngineEvent): Level {
  switch (event.kind) {
    case "console":
      return event.level === "log" ? "info" : (event.level as Level);
    case "attemptFailed":
      return event.next === "retry" ? "warn" : "error";
    case "stepFailed":
      return event.delayMs === undefined ? "error" : "warn";
    case "stopped":
      return event.failure === undefined ? "info" : "error";
    case "left":
      return event.planned ? "info" : "warn";
    case "started":
    case "leading":
      return "info";
    case "copied":
      return "debug";
    case "requestFailed":
    case "deliveryHalted":
    case "unhandledRejection":
      return "error";
    default:
      return "warn";
  }
}
