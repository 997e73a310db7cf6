// The part of the error table about requests over HTTP: what a server refuses before it asks the
// engine, and what a client finds out. See error-codes.ts for the whole.

import type { ErrorCodeEntry } from "./error-code-entry.ts";

export type HttpErrorCode =
  | "REQUEST_INVALID"
  | "ROUTE_NOT_FOUND"
  | "METHOD_NOT_ALLOWED"
  | "CONTENT_TYPE_INVALID"
  | "HANDLER_PRIVATE"
  | "UNAUTHENTICATED"
  | "FORBIDDEN"
  | "ORIGIN_REFUSED"
  | "HOST_REFUSED"
  | "SERVER_UNREACHABLE"
  | "RESPONSE_INVALID"
  | "BIND_REFUSED"
  | "BIND_FAILED";

export const httpErrorCodes: Readonly<Record<HttpErrorCode, ErrorCodeEntry>> = {
  REQUEST_INVALID: {
    status: 400,
    happened: "The request cannot be read.",
    why: "What it asks for would have to be guessed.",
    fix: "Mend its path, headers or body as the message says; docs/http-api.md has the routes.",
  },
  ROUTE_NOT_FOUND: {
    status: 404,
    happened: "There is no such route.",
    why: "Nothing answers here.",
    fix: "Mend the path; docs/http-api.md has the routes.",
  },
  METHOD_NOT_ALLOWED: {
    status: 405,
    happened: "The route does not take this method.",
    why: "Nothing was done.",
    fix: "Use a method that the `allow` header names.",
  },
  CONTENT_TYPE_INVALID: {
    status: 400,
    happened: "The handler does not take a body of this content type.",
    why: "It could not be read as the handler's input.",
    fix: "Send `content-type: application/json` with JSON, or what the handler's serde names.",
  },
  HANDLER_PRIVATE: {
    status: 400,
    happened: "The handler is not public: it takes no requests over HTTP.",
    why: "Its definition says so; handlers and the program itself may call it.",
    fix: 'Call a public handler, or say `ingress: "public"` in its definition.',
  },
  UNAUTHENTICATED: {
    status: 401,
    happened: "The request carries no credentials that are accepted here.",
    why: "Only known callers may invoke.",
    fix: "Send `authorization: Bearer …` with a token this server was started with.",
  },
  FORBIDDEN: {
    status: 403,
    happened: "The token does not allow this.",
    why: "Its role is a smaller one: read looks, operate moves, admin removes.",
    fix: "Use a token of the role that is needed.",
  },
  ORIGIN_REFUSED: {
    status: 403,
    happened: "The request comes from a web page of another origin.",
    why: "Any page that a user visits could otherwise call this server in the user's name.",
    fix: "Add the page's origin to `origins` if it may.",
  },
  HOST_REFUSED: {
    status: 421,
    happened: "The request is for a host that is not answered here.",
    why: "A name that somebody else points at this address must not reach it (DNS rebinding).",
    fix: "Add the name to `hosts` if it is yours.",
  },
  SERVER_UNREACHABLE: {
    status: 503,
    retryable: true,
    happened: "No answer came from the server.",
    why: "Whether the request was accepted is unknown.",
    fix: "Repeat it if it has an idempotency key or only reads; check the address and the server.",
  },
  RESPONSE_INVALID: {
    status: 502,
    happened: "What answered does not speak this protocol.",
    why: "The address may lead to a proxy or to another server.",
    fix: "Check the url given to `connect`, and its path.",
  },
  BIND_REFUSED: {
    status: 500,
    happened: "The server was not started: others could reach it without credentials.",
    why: "Whoever reaches it may invoke every public handler.",
    fix: "Listen on 127.0.0.1, or give `tokens` and `tls`, or say `insecureBind: true`.",
  },
  BIND_FAILED: {
    status: 500,
    happened: "The address cannot be listened on.",
    why: "Another process may hold the port, or the address is not of this machine.",
    fix: "Choose another port, or end the process that holds it.",
  },
};
