// One step of a program: what a handler under simulation does, as plain data.

export const stepKinds = [
  "run",
  "fails",
  "sleep",
  "call",
  "append",
  "send",
  "spawn",
  "attach",
  "cancel",
  "awakeable",
  "signal",
  "tell",
  "get",
  "set",
  "clear",
  "keys",
  "promise",
  "settle",
  "peek",
  "throws",
  "poison",
  "tick",
  "date",
  "big",
] as const;
export type StepKind = (typeof stepKinds)[number];

export const joinKinds = ["seq", "all", "settled", "race", "any", "timeout"] as const;

export interface Step {
  readonly kind: StepKind | (typeof joinKinds)[number];
  /** Of its own within its program. */
  readonly name: string;
  readonly ms: number;
  /** Failures before it succeeds, where it can fail. */
  readonly times: number;
  readonly key: string;
  readonly children: readonly Step[];
}

/** Whom a program is given to. */
export type Door = "service" | "object" | "workflow";
