// What operators are shown of the code hosted here: services, their handlers, and the JSON Schemas
// of inputs and outputs where the schema library can give them.
import type { Json } from "../model/payload.ts";
import type { Schema } from "../sdk/schema.ts";
import type { HandlerMode, HandlerSpec } from "../sdk/spec.ts";
import type { Kind } from "../sdk/types.ts";
import type { Registry } from "./registry.ts";

export interface HandlerView {
  readonly name: string;
  readonly mode: HandlerMode;
  readonly input?: Json;
  readonly output?: Json;
  /** Which requests over HTTP may invoke it, where its definition says so. */
  readonly ingress?: "public" | "token" | "private";
}

export interface ServiceView {
  readonly name: string;
  readonly kind: Kind;
  /** Names one version of the code. */
  readonly revision: string;
  readonly handlers: readonly HandlerView[];
}

export function serviceViews(registry: Registry): ServiceView[] {
  return registry.definitions().map(({ definition, revision }) => ({
    name: definition.name,
    kind: definition.kind,
    revision,
    handlers: [...definition.handlers.values()].map(handlerView),
  }));
}

function handlerView({ name, mode, input, output, ingress }: HandlerSpec): HandlerView {
  const accepts = jsonSchemaOf(input, "input");
  const gives = jsonSchemaOf(output, "output");
  return {
    name,
    mode,
    ...(accepts === undefined ? {} : { input: accepts }),
    ...(gives === undefined ? {} : { output: gives }),
    ...(ingress === undefined ? {} : { ingress }),
  };
}

/** What a library adds to Standard Schema when it can say itself in JSON Schema. */
interface WithJsonSchema {
  readonly jsonSchema?: {
    readonly input: (options: { readonly target: string }) => unknown;
    readonly output: (options: { readonly target: string }) => unknown;
  };
}

function jsonSchemaOf(schema: Schema | undefined, side: "input" | "output"): Json | undefined {
  const { jsonSchema } = (schema?.["~standard"] ?? {}) as WithJsonSchema;
  try {
    return jsonSchema?.[side]({ target: "draft-2020-12" }) as Json | undefined;
  } catch {
    // A schema with a transformation may have no JSON Schema: then there is none to show.
    return undefined;
  }
}
