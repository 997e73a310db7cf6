// The package's face: re-exports only.
export { Engine, memory } from "./open.ts";
export type { EngineOptions } from "./open.ts";
export type { EngineEvent } from "./engine/events.ts";
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
export type { ObjectOptions, WorkflowOptions } from "./sdk/definition.ts";
export type { HandlerOptions, ServiceOptions } from "./sdk/handlers.ts";
export type * from "./sdk/types.ts";
export type { Serde } from "./sdk/serde.ts";
export { HoldfastError, TerminalError, isHoldfastError } from "./model/errors.ts";
export type { ErrorCode } from "./model/errors.ts";
export type { Storage } from "./ports/storage.ts";
