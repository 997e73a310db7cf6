// What Restate's tools read inside `entry_json` and `event_json`: results, and what went wrong, in the
// shapes they know. Everything else in an entry is shown as it is kept.
import { bytesOfBase64, utf8 } from "../std/bytes.ts";
import type { SqlValue } from "./driver.ts";

interface Failed {
  readonly code: string;
  readonly message: string;
  readonly status: number;
}

type Kept =
  | { readonly value: string | null | { readonly base64: string } }
  | { readonly failure: Failed };

/** `{"Notification":{"Completion":{"Run":{"completion_id":1,"result":{"Success":[…]}}}}}`. */
export function completionText(kind: string, of: number, result: SqlValue): string {
  const told = { completion_id: of + 1, result: resultOf(result) };
  return JSON.stringify({ Notification: { Completion: { [kind]: told } } });
}

/** `{"Command":{"Output":{"result":{"Success":[…]},"name":""}}}`. */
export function outputText(result: SqlValue): string {
  return JSON.stringify({ Command: { Output: { result: resultOf(result), name: "" } } });
}

export function eventText(
  type: SqlValue,
  failure: SqlValue,
  command: SqlValue,
  name: SqlValue,
): string {
  const failed = typeof failure === "string" ? errorOf(JSON.parse(failure) as Failed) : undefined;
  if (type === "Paused") return JSON.stringify({ ty: "Paused", last_failure: failed });
  const related =
    command === null
      ? {}
      : {
          related_command_index: Number(command),
          related_command_name: name,
          related_command_type: "Run",
        };
  return JSON.stringify({ ty: type, ...failed, ...related });
}

function errorOf({ status, code, message }: Failed): object {
  return { error_code: status, error_message: message, holdfast_code: code };
}

function resultOf(text: SqlValue): object {
  const kept = JSON.parse(String(text)) as Kept;
  if ("failure" in kept) {
    const { status, message, code } = kept.failure;
    const metadata = [{ key: "holdfast_code", value: code }];
    return { Failure: { code: status, message, metadata } };
  }
  const { value } = kept;
  if (value === null) return { Success: [] };
  return { Success: [...(typeof value === "string" ? utf8(value) : bytesOfBase64(value.base64))] };
}
