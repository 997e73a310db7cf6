// What becomes of a question asked over NATS. There are four outcomes, and none of them is an
// exception: an answer, nobody there, refused, or unknown. It knows nothing of the client, which need
// not be installed for it.
import { HoldfastError } from "../model/errors.ts";

export interface Reply {
  readonly data: Uint8Array;
  /** 0 unless the server says otherwise, as in 404. */
  readonly status: number;
  /** Empty when there is none of that name. */
  header(name: string): string;
}

export type Outcome =
  | { readonly kind: "reply"; readonly reply: Reply }
  /** Nobody listens there: this question has reached nobody. */
  | { readonly kind: "nobody" }
  /** The server forbids it. */
  | { readonly kind: "refused"; readonly why: string }
  /** No answer, or no connection: it may have been done, or not. */
  | { readonly kind: "unknown"; readonly why: string };

export interface AskOptions {
  readonly timeoutMs: number;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** What comes in on a subscription. */
export interface Incoming extends Reply {
  readonly subject: string;
  readonly reply: string | undefined;
}

/** Who connects, as text: nothing here is a path. */
export interface Access {
  readonly user?: string | undefined;
  readonly pass?: string | undefined;
  readonly token?: string | undefined;
  readonly nkey?: string | undefined;
  readonly creds?: string | undefined;
  readonly tls?:
    | {
        readonly ca?: string | undefined;
        readonly cert?: string | undefined;
        readonly key?: string | undefined;
      }
    | undefined;
  readonly inboxPrefix?: string | undefined;
}

export function unavailable(happened: string, cause?: unknown): HoldfastError {
  return new HoldfastError("NATS_UNAVAILABLE", { happened, cause });
}
