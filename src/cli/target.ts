// Targets as they are typed: Service/handler, or Service/key/handler, where the key may have slashes
// of its own. And the input that goes with them.
import { readFileSync } from "node:fs";
import { UsageError } from "./exit.ts";

/** The path at the ingress. */
export function targetPath(text: string): string {
  const parts = text.split("/");
  const [service = "", ...rest] = parts;
  const handler = rest.pop();
  if (service === "" || handler === undefined || handler === "") {
    throw new UsageError(`"${text}" is no target: give Service/handler or Service/key/handler.`);
  }
  const key = rest.length === 0 ? "" : `/${encodeURIComponent(rest.join("/"))}`;
  return `/${encodeURIComponent(service)}${key}/${encodeURIComponent(handler)}`;
}

/** `Service/key`. */
export function keyPath(text: string): string {
  const slash = text.indexOf("/");
  if (slash <= 0) throw new UsageError(`"${text}" is no object: give Service/key.`);
  const key = encodeURIComponent(text.slice(slash + 1));
  return `/services/${encodeURIComponent(text.slice(0, slash))}/keys/${key}`;
}

/** The JSON given, or read from standard input; undefined for none. */
export function inputOf(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  const json = text === "-" ? readFileSync(0, "utf8") : text;
  try {
    return JSON.parse(json) as unknown;
  } catch {
    const hint = /^[\w .-]+$/.test(json) ? ` A text is quoted: '"${json}"'.` : "";
    throw new UsageError(`The input is no JSON.${hint}`);
  }
}
