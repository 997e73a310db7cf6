// The table of operating errors: what happened, why it matters and what to do, per code. Messages
// are printed from it and docs/errors.md is generated from it. Codes are stable within a major
// version; the wording may improve. Broken invariants of ours are not listed one by one.

import type { ErrorCodeEntry } from "./error-code-entry.ts";
import type { ClusterErrorCode } from "./error-codes-cluster.ts";
import { clusterErrorCodes } from "./error-codes-cluster.ts";
import type { HandlerErrorCode } from "./error-codes-handler.ts";
import { handlerErrorCodes } from "./error-codes-handler.ts";
import type { HttpErrorCode } from "./error-codes-http.ts";
import { httpErrorCodes } from "./error-codes-http.ts";
import type { RequestErrorCode } from "./error-codes-request.ts";
import { requestErrorCodes } from "./error-codes-request.ts";
import type { StorageErrorCode } from "./error-codes-storage.ts";
import { storageErrorCodes } from "./error-codes-storage.ts";

export type ErrorCode =
  | StorageErrorCode
  | RequestErrorCode
  | HandlerErrorCode
  | HttpErrorCode
  | ClusterErrorCode;

export const errorCodes: Readonly<Record<ErrorCode, ErrorCodeEntry>> = Object.freeze({
  ...storageErrorCodes,
  ...requestErrorCodes,
  ...handlerErrorCodes,
  ...clusterErrorCodes,
  ...httpErrorCodes,
});
