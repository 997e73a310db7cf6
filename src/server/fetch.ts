// The ingress as one function from a Request to a Response: what frameworks and edge runtimes have.
import { HoldfastError } from "../model/errors.ts";
import { concatBytes } from "../std/bytes.ts";
import type { HttpRequest } from "./http.ts";
import type { HttpIngress } from "./ingress.ts";

export type Fetch = (request: Request) => Promise<Response>;

export function fetchOf(ingress: HttpIngress): Fetch {
  return async (request) => {
    const { status, headers, body } = await ingress.answer(readRequest(request));
    return new Response(body, { status, headers });
  };
}

function readRequest(request: Request): HttpRequest {
  const { method, headers } = request;
  const { pathname, search, host } = new URL(request.url);
  return {
    method,
    url: `${pathname}${search}`,
    // Only servers see it as a header.
    header: (name) => headers.get(name) ?? (name === "host" ? host : undefined),
    headers: () => headers.entries(),
    body: (bytesMax) => bytesOf(request, bytesMax),
    signal: request.signal,
  };
}

async function bytesOf(request: Request, bytesMax: number): Promise<Uint8Array> {
  if (Number(request.headers.get("content-length") ?? 0) > bytesMax) throw bodyTooLarge(bytesMax);
  if (request.body === null) return new Uint8Array(0);
  const reader = request.body.getReader();
  const parts: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return concatBytes(...parts);
    length += value.length;
    if (length > bytesMax) {
      await reader.cancel();
      throw bodyTooLarge(bytesMax);
    }
    parts.push(value);
  }
}

export function bodyTooLarge(bytesMax: number): HoldfastError {
  return new HoldfastError("PAYLOAD_TOO_LARGE", {
    happened: `The body is larger than ${bytesMax} bytes.`,
    data: { limit: bytesMax },
  });
}
