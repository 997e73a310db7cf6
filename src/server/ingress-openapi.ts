// The OpenAPI document of the ingress: a path for each way to invoke each handler that takes requests,
// with the JSON Schemas of its input and output where its schema library can give them.
import type { HandlerView, ServiceView } from "../engine/service-view.ts";
import type { Json } from "../model/payload.ts";

export interface IngressDescribed {
  readonly version: string;
  /** Where it listens. */
  readonly url?: string | undefined;
}

export function ingressOpenapi(
  services: readonly ServiceView[],
  { version, url }: IngressDescribed,
): object {
  const paths: [string, object][] = services.flatMap((service) =>
    service.handlers
      .filter(({ ingress }) => ingress !== "private")
      .flatMap((handler) => pathsOf(service, handler)),
  );
  return {
    openapi: "3.1.0",
    info: { title: "Holdfast ingress", version },
    ...(url === undefined ? {} : { servers: [{ url }] }),
    tags: services.map(({ name, kind }) => ({ name, description: `A ${kind}.` })),
    components,
    // From entries: a service may be named like something every object has.
    paths: Object.fromEntries(paths),
  };
}

function pathsOf(service: ServiceView, handler: HandlerView): [string, object][] {
  const keyed = service.kind !== "service";
  const path = `/${service.name}${keyed ? "/{key}" : ""}/${handler.name}`;
  const parameters = [...(keyed ? [keyParameter] : []), ...idempotency(handler)];
  const call = operation(service, handler, {
    id: `${service.name}.${handler.name}`,
    summary: `Calls ${handler.name} and answers its result.`,
    parameters,
    answers: { "200": result(handler.output) },
  });
  const send = operation(service, handler, {
    id: `${service.name}.${handler.name}.send`,
    summary: `Sends to ${handler.name}, and answers once that is durable.`,
    parameters: [...parameters, delayParameter],
    answers: { "202": { $ref: "#/components/responses/Accepted" } },
  });
  return [
    [path, { post: call }],
    [`${path}/send`, { post: send }],
  ];
}

interface Operation {
  readonly id: string;
  readonly summary: string;
  readonly parameters: readonly object[];
  readonly answers: Readonly<Record<string, object>>;
}

function operation(
  { name }: ServiceView,
  { input, ingress }: HandlerView,
  { id, summary, parameters, answers }: Operation,
): object {
  const body = {
    required: input !== undefined,
    content: { "application/json": { schema: input ?? {} } },
  };
  return {
    tags: [name],
    operationId: id,
    summary,
    parameters,
    requestBody: body,
    // Whether the ingress asks for a token is said where it is opened.
    security:
      ingress === "public" ? [] : ingress === "token" ? [{ token: [] }] : [{}, { token: [] }],
    responses: { ...answers, default: { $ref: "#/components/responses/Failed" } },
  };
}

function result(schema: Json | undefined): object {
  return {
    description: "What the handler returned.",
    headers: { "x-restate-id": { $ref: "#/components/headers/id" } },
    content: { "application/json": { schema: schema ?? {} } },
  };
}

/** A workflow's run is idempotent by its key. */
function idempotency({ mode }: HandlerView): object[] {
  return mode === "workflow" ? [] : [{ $ref: "#/components/parameters/idempotencyKey" }];
}

const keyParameter = { $ref: "#/components/parameters/key" };
const delayParameter = { $ref: "#/components/parameters/delay" };
const text = { type: "string" };

const components = {
  securitySchemes: { token: { type: "http", scheme: "bearer" } },
  headers: { id: { description: "The id of the invocation.", schema: text } },
  parameters: {
    key: { name: "key", in: "path", required: true, schema: { ...text, minLength: 1 } },
    idempotencyKey: {
      name: "idempotency-key",
      in: "header",
      description: "Requests with the same one are one invocation.",
      schema: { ...text, maxLength: 512 },
    },
    delay: {
      name: "delay",
      in: "query",
      description: "When to start it, such as 10s or PT10S.",
      schema: text,
    },
  },
  schemas: {
    Failure: {
      type: "object",
      required: ["code", "message", "source"],
      properties: {
        code: { type: "integer" },
        message: text,
        source: { enum: ["ingress", "invocation"] },
        data: {},
        invocation: text,
        target: text,
      },
    },
    Accepted: {
      type: "object",
      required: ["invocationId", "status"],
      properties: {
        invocationId: text,
        status: { enum: ["Accepted", "PreviouslyAccepted"] },
        executionTime: { type: "string", format: "date-time" },
      },
    },
  },
  responses: {
    Accepted: {
      description: "It is durable, and will run.",
      headers: { "x-restate-id": { $ref: "#/components/headers/id" } },
      content: { "application/json": { schema: { $ref: "#/components/schemas/Accepted" } } },
    },
    Failed: {
      description: "It was refused, or has failed; `x-holdfast-code` has the code.",
      content: { "application/json": { schema: { $ref: "#/components/schemas/Failure" } } },
    },
  },
};
