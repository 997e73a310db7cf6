// What JetStream is told and tells: messages as they are stored, answers, and its refusals by number.

export interface Stored {
  readonly seq: number;
  readonly subject: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly data: Uint8Array;
  readonly time: number;
  /** The life that sent it. */
  readonly writer: string;
}

export type Sent = Omit<Stored, "seq" | "time">;

/** What is answered: an object as JSON; "nobody" where no leader is; nothing at all: undefined. */
export type Told = object | "nobody" | undefined;

/** How a server's version judges conditions. */
export interface Ways {
  /** 2.9.10 with replicas: a subject's condition is judged before it is in the order of all. */
  readonly subjectRace: boolean;
  /** From 2.12 on: a condition is judged by what is under way, too. */
  readonly judgesEarly: boolean;
}

export const errors = {
  wrongLast: (last: number): object => failure(400, 10071, `wrong last sequence: ${last}`),
  underWay: failure(400, 10164, "wrong last sequence"),
  notFound: failure(404, 10037, "no message found"),
  noStream: failure(404, 10059, "stream not found"),
  full: failure(503, 10077, "maximum bytes exceeded"),
  otherStream: failure(400, 10060, "expected stream does not match"),
  inUse: failure(400, 10058, "stream name already in use"),
  away: failure(503, 10008, "JetStream system temporarily unavailable"),
};

function failure(code: number, err_code: number, description: string): object {
  return { error: { code, err_code, description } };
}
