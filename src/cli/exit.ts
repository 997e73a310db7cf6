// How a command ends: its exit codes, which docs/cli.md lists and scripts rely on.

export const exit = {
  done: 0,
  usage: 1,
  failed: 2,
  /** Damage was found and its loss not accepted; or a check of a directory found something wrong. */
  damage: 3,
  notFound: 4,
  /** What was invoked or attached to ended with a failure. */
  invocationFailed: 5,
  /** No engine answered, or it does not know the token. */
  unreachable: 6,
  /** Code and journals part: deploying it would pause invocations. */
  diverges: 7,
} as const;

export type ExitCode = (typeof exit)[keyof typeof exit];

/** Wrong arguments or settings: told with a hint at the help. */
export class UsageError extends Error {}

/** What went wrong, worded, with how the command ends. */
export class CliError extends Error {
  readonly exit: ExitCode;

  constructor(message: string, code: ExitCode = exit.failed) {
    super(message);
    this.exit = code;
  }
}
