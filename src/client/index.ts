// The face of holdfast/client: re-exports only. Nothing of an engine, nothing of Node.

export type { ErrorCode } from "../model/errors.ts";
export { HoldfastError, isHoldfastError, TerminalError } from "../model/errors.ts";
export { contract, ref } from "../sdk/definition.ts";
export { duration } from "../sdk/duration.ts";
export type {
  Callable,
  CallOptions,
  Client,
  Definition,
  Duration,
  Invocation,
  SendOptions,
} from "../sdk/types.ts";
export type { ConnectOptions } from "./client.ts";
export { connect } from "./client.ts";
export type { HeadersOption, OptionsByData, OptionsByUrl, RetryOptions } from "./transport.ts";
