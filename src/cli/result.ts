// What an invocation returned, printed: JSON as JSON, bytes as bytes.
import type { Output } from "./output.ts";

export async function printResult(response: Response, out: Output): Promise<void> {
  const type = response.headers.get("content-type") ?? "";
  const bytes = new Uint8Array(await response.arrayBuffer());
  if (bytes.length === 0) return;
  if (!type.startsWith("application/json")) return out.bytes(bytes);
  out.value(JSON.parse(new TextDecoder().decode(bytes)) as unknown, out.json);
}
