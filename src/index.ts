// The package's face: re-exports only.

export type { EngineEvent } from "./engine/events.ts";
export type { Logger } from "./engine/logger.ts";
export type { ClusterView } from "./engine/partition-server.ts";
export type { Move, Reason, Why } from "./engine/why-words.ts";
export { whyLines } from "./engine/why-words.ts";
export type { EngineOptions } from "./hosts.ts";
export { memory } from "./hosts.ts";
export type { ErrorCode } from "./model/errors.ts";
export { HoldfastError, isHoldfastError, TerminalError } from "./model/errors.ts";
export { Engine } from "./open.ts";
export type { OpenTelemetry } from "./otel/api.ts";
export type { BackupReport } from "./ports/backup.ts";
export type { Cluster } from "./ports/cluster.ts";
export type { Storage } from "./ports/storage.ts";
export type { ObjectOptions, WorkflowOptions } from "./sdk/definition.ts";
export {
  contract,
  handler,
  implement,
  object,
  promise,
  ref,
  service,
  shared,
  workflow,
} from "./sdk/definition.ts";
export { duration } from "./sdk/duration.ts";
export type { DefinitionOptions, HandlerOptions, ServiceOptions } from "./sdk/handlers.ts";
export type { Serde } from "./sdk/serde.ts";
export type * from "./sdk/types.ts";
