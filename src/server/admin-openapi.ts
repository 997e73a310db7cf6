// The OpenAPI document of the admin side, made from its table of routes.
import type { AdminRoute } from "./admin-route.ts";

export function openapiOf(routes: readonly AdminRoute[], version: string): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    paths[route.path] ??= {};
    (paths[route.path] as Record<string, object>)[route.method.toLowerCase()] = operationOf(route);
  }
  return {
    openapi: "3.1.0",
    info: { title: "Holdfast admin", version, license: { name: "Apache-2.0" } },
    components: {
      securitySchemes: { token: { type: "http", scheme: "bearer" } },
      schemas: {
        Error: {
          type: "object",
          required: ["message"],
          properties: {
            message: { type: "string" },
            code: { type: "string", description: "docs/errors.md has them all." },
            restate_code: { type: ["string", "null"] },
          },
        },
      },
    },
    security: [{ token: [] }],
    paths,
  };
}

function operationOf({ method, path, role, says, query = {}, body }: AdminRoute): object {
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
  }));
  const inQuery = Object.entries(query).map(([name, description]) => ({
    name,
    in: "query",
    description,
    schema: { type: "string" },
  }));
  return {
    summary: says,
    description: role === "none" ? "No token is needed." : `Role: ${role}.`,
    operationId: `${method.toLowerCase()}${path.replace(/[^\w]+(\w?)/g, (_, c: string) => c.toUpperCase())}`,
    parameters: [...inPath, ...inQuery],
    ...(role === "none" ? { security: [] } : {}),
    ...(body === undefined
      ? {}
      : { requestBody: { description: body, content: { "application/json": { schema: {} } } } }),
    responses: {
      "2XX": { description: "Done." },
      default: {
        description: "Refused.",
        content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
      },
    },
  };
}
