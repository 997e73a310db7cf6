// Events as lines for a person: what deserves attention while nobody has asked for events.
import type { EngineEvent } from "./events.ts";

/** What a handler printed, as text. */
export type Format = (args: readonly unknown[]) => string;

/** A line for the standard error; undefined for what is no news. */
export function eventLine(event: EngineEvent, format: Format = plain): string | undefined {
  switch (event.kind) {
    case "unjournaledAwait":
      return (
        `holdfast: ${event.target} awaited something outside its journal before ${event.at}. ` +
        `Wrap it in ctx.run, or its replay may go another way. (${event.id})`
      );
    case "unawaited":
      return (
        `holdfast: ${event.target} ended before ${event.commands.join(", ")}. ` +
        `Await what it asks. (${event.id})`
      );
    case "unhandledRejection":
      return (
        `holdfast: a promise in ${event.target} was rejected and nobody awaited it: ` +
        `${String(event.error)}`
      );
    case "attemptFailed":
      // A failure for good is the caller's to see. These two would else look like a hang.
      if (event.next === "fail") return undefined;
      return event.next === "retry"
        ? `holdfast: ${event.target} failed and is tried again: ${event.message} (${event.id})`
        : `holdfast: ${event.target} failed and is paused until engine.resume("${event.id}"): ` +
            event.message;
    case "stepFailed":
      if (event.delayMs === undefined) return undefined;
      return (
        `holdfast: ${event.target}: step "${event.step}" failed (try ${event.attempt}) and is ` +
        `tried again in ${event.delayMs / 1000} s: ${event.message} (${event.id})`
      );
    case "admission":
      return event.stopped
        ? `holdfast: new work is held back (${event.why === "disk" ? "disk full" : "folding lags"})`
        : "holdfast: new work is admitted again";
    case "clockBackwards":
      return `holdfast: the clock is ${Math.round(event.ms / 1000)} s behind the newest record`;
    case "copyFailed":
      return `holdfast: no copy of the table: ${event.message}`;
    case "requestFailed":
      return `holdfast: ${event.path} was answered "internal error": ${String(event.error)}`;
    case "left":
      if (event.planned === true) return undefined;
      return `holdfast: partition ${event.partition} is no longer led here: ${event.why}`;
    case "deliveryFailed":
      return `holdfast: messages for ${event.to} wait: ${event.message}`;
    case "deliveryHalted":
      return (
        `holdfast: ${event.to} says it has message ${event.accepted} of ${event.sent}: nothing more ` +
        "is sent there. One of the two has lost records; see docs/cluster.md."
      );
    case "subscriptionStopped":
      return `holdfast: subscription ${event.name} stands still: ${event.code}: ${event.message}`;
    case "subscriptionParked":
      return `holdfast: subscription ${event.name} passed message ${event.sequence} over: ${event.why}`;
    case "console":
      return `${event.target}: ${format(event.args)}`;
    default:
      return undefined;
  }
}

function plain(args: readonly unknown[]): string {
  return args.map(String).join(" ");
}
