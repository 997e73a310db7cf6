// Validation by whatever schema library the user has: anything that speaks Standard Schema, whose
// small interface is spelled out here so that nothing need be installed for its types. When values
// are checked is not decided here, how they are written is serde.ts.

import { TerminalError } from "../model/errors.ts";
import { propertyPath } from "./property-path.ts";

/** A schema of any library that implements Standard Schema version 1 (zod, valibot, arktype, …). */
export interface Schema<Input = unknown, Output = Input> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => Validated<Output> | Promise<Validated<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

export type Validated<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** What a caller passes for this schema. */
export type InferInput<S extends Schema> = NonNullable<S["~standard"]["types"]>["input"];
/** What the schema makes of it: what a handler receives. */
export type InferOutput<S extends Schema> = NonNullable<S["~standard"]["types"]>["output"];

/**
 * The value as the schema gives it back; a promise only where the schema needs one.
 *
 * @throws TerminalError `INPUT_INVALID`, 400, or `OUTPUT_INVALID`, with the issues as its data.
 */
export function validate(
  schema: Schema,
  value: unknown,
  side: "input" | "output" = "input",
): unknown {
  const validated = schema["~standard"].validate(value);
  // By `then`, not by class: a library may bring its own promises. What is given on is native.
  if ("then" in validated) return Promise.resolve(validated).then((v) => accepted(v, side));
  return accepted(validated, side);
}

function accepted(validated: Validated<unknown>, side: "input" | "output"): unknown {
  if (validated.issues === undefined) return validated.value;
  const issues = validated.issues.map((issue) => {
    return { path: pathText(issue.path ?? []), message: issue.message };
  });
  const listed = issues
    .slice(0, 5)
    .map(({ path, message }) => (path === "" ? message : `at ${path}: ${message}`));
  if (issues.length > listed.length) listed.push(`and ${issues.length - listed.length} more`);
  throw new TerminalError(`The ${side} does not satisfy its schema: ${listed.join("; ")}.`, {
    code: side === "input" ? "INPUT_INVALID" : "OUTPUT_INVALID",
    status: side === "input" ? 400 : 500,
    data: { issues },
  });
}

function pathText(path: NonNullable<SchemaIssue["path"]>): string {
  return propertyPath(path.map((segment) => (typeof segment === "object" ? segment.key : segment)));
}
