// What must hold is said where it must hold. A broken invariant is a bug, never an operating
// failure: nobody catches it to carry on, and it is never stripped from a build.

export class InvariantError extends Error {
  override readonly name = "InvariantError";
  readonly code = "INVARIANT_BROKEN";
}

/** Throws unless `condition` holds. The message may be a function where building it costs. */
export function invariant(condition: unknown, message: string | (() => string)): asserts condition {
  if (condition) return;
  throw new InvariantError(typeof message === "string" ? message : message());
}

/** The default branch of a switch over a closed union: a new kind then fails to compile here. */
export function unreachable(value: never): never {
  throw new InvariantError(`unexpected value ${describe(value)}`);
}

function describe(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value);
  }
}
