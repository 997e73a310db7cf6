// What an answer means: a value, or the error it stands for, of the same class and code as it has in
// the process of the engine.
import type { Target } from "../model/entry.ts";
import { type ErrorCode, errorCodes, HoldfastError, TerminalError } from "../model/errors.ts";
import type { Payload } from "../model/payload.ts";
import { targetText } from "../model/target.ts";
import { base64Of } from "../std/bytes.ts";

/** @throws the error the answer stands for. */
export async function payloadIn(response: Response, target: Target | undefined): Promise<Payload> {
  await checkOk(response, target);
  const type = (response.headers.get("content-type") ?? "").replace(/;.*$/, "").trim();
  if (type === "" || type === "application/json" || type.endsWith("+json")) {
    const text = await response.text();
    return text === "" ? null : text;
  }
  const bytes = new Uint8Array(await response.arrayBuffer());
  return { base64: base64Of(bytes), contentType: type };
}

/** @throws the error the answer stands for. */
export async function checkOk(response: Response, target: Target | undefined): Promise<void> {
  if (!response.ok) throw errorOf(response, await response.text(), target);
}

/** What the body of a refusal may hold. */
interface Refusal {
  readonly message?: unknown;
  readonly error?: unknown;
  readonly data?: unknown;
  readonly invocation?: unknown;
  readonly target?: unknown;
}

function errorOf(response: Response, text: string, target: Target | undefined): Error {
  const { status, headers } = response;
  const refusal = refusalIn(text);
  const source = headers.get("x-restate-error-source");
  const code = textOr(refusal?.error, headers.get("x-holdfast-code") ?? undefined);
  if (refusal === undefined || source === null) return foreign(status, text);
  const message = textOr(refusal.message, `status ${status}`);
  const invocation = textOr(refusal.invocation, headers.get("x-restate-id") ?? undefined);
  if (code === "WORKFLOW_ALREADY_STARTED") {
    return new HoldfastError(code, { data: { ...target, id: invocation } });
  }
  if (source === "invocation") {
    const said = textOr(refusal.target, target && targetText(target));
    const { data } = refusal;
    return new TerminalError(message, { code, status, data, invocation, target: said });
  }
  if (!isKnown(code)) return foreign(status, text);
  const { data } = refusal;
  return new HoldfastError(code, { message, status, ...(data === undefined ? {} : { data }) });
}

function isKnown(code: string | undefined): code is ErrorCode {
  return code !== undefined && Object.hasOwn(errorCodes, code);
}

/** Of a proxy, of another server, or of a version that has codes of which nothing is known here. */
function foreign(status: number, text: string): HoldfastError {
  const shown = text.length > 200 ? `${text.slice(0, 200)}…` : text;
  return new HoldfastError("RESPONSE_INVALID", {
    happened: `The answer has status ${status} and says ${JSON.stringify(shown)}.`,
    data: { status },
  });
}

function refusalIn(text: string): Refusal | undefined {
  try {
    const body: unknown = JSON.parse(text);
    return typeof body === "object" && body !== null ? body : undefined;
  } catch {
    return undefined;
  }
}

function textOr<T extends string | undefined>(value: unknown, otherwise: T): string | T {
  return typeof value === "string" ? value : otherwise;
}
