// Which names are allowed: they are parts of addresses, of ids in URLs and of log lines, so they
// hold nothing that would have to be escaped there.

import { HoldfastError } from "../model/errors.ts";
import { nameBytesMax } from "../model/limits.ts";

/** First a letter or digit: names that begin with an underscore are the engine's own. */
const allowed = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/;
const prefixReserved = /^(?:restate|holdfast\.)/i;
/** A client with a method `then` would be taken for a promise, one with `toJSON` be called. */
const handlersReserved: ReadonlySet<string> = new Set(["then", "toJSON"]);

/** @throws HoldfastError `NAME_INVALID`. */
export function checkName(
  of: "service" | "handler" | "revision",
  name: unknown,
): asserts name is string {
  const why = refusal(of, name);
  if (why === undefined) return;
  const shown = typeof name === "string" ? JSON.stringify(name.slice(0, 80)) : `of ${typeof name}`;
  throw new HoldfastError("NAME_INVALID", {
    happened: `The ${of} name ${shown} is not allowed: ${why}.`,
    data: { name: typeof name === "string" ? name : null },
  });
}

function refusal(of: "service" | "handler" | "revision", name: unknown): string | undefined {
  if (typeof name !== "string") return "it is not text";
  if (name.length > nameBytesMax) return `it is longer than ${nameBytesMax} characters`;
  if (!allowed.test(name)) return "it has other characters, or begins with one of _ . -";
  if (prefixReserved.test(name)) return "it begins with a reserved word";
  return of === "handler" && handlersReserved.has(name) ? "it is reserved" : undefined;
}
