// The events an engine reports, typed. Whoever runs it decides what becomes of them: the core
// writes no prose. Each is described in docs/telemetry.md.

export type EngineEvent =
  /** The engine serves: what it recovered and how durable it is. */
  | {
      readonly kind: "started";
      readonly durability: string;
      readonly epoch: number;
      readonly position: number;
      readonly replayed: number;
      readonly unclean: boolean;
    }
  | { readonly kind: "stopped"; readonly failure: string | undefined }
  /** A handler awaited something that is not in its journal (R6). */
  | {
      readonly kind: "unjournaledAwait";
      readonly target: string;
      readonly id: string;
      readonly ofAttempt: number;
      readonly at: string;
    }
  /** A handler ended while steps or calls it had asked were still open. */
  | {
      readonly kind: "unawaited";
      readonly target: string;
      readonly id: string;
      readonly ofAttempt: number;
      readonly commands: readonly string[];
    }
  | {
      readonly kind: "console";
      readonly target: string;
      readonly id: string;
      readonly ofAttempt: number;
      readonly level: string;
      readonly args: readonly unknown[];
    }
  /** An attempt failed and is tried again, paused or given up, as `next` says. */
  | {
      readonly kind: "attemptFailed";
      readonly target: string;
      readonly id: string;
      readonly ofAttempt: number;
      readonly code: string;
      readonly message: string;
      readonly next: "retry" | "pause" | "fail";
    }
  /** A try of a step failed. `delayMs` until the next; undefined: its handler is told. */
  | {
      readonly kind: "stepFailed";
      readonly target: string;
      readonly id: string;
      readonly ofAttempt: number;
      readonly step: string;
      readonly attempt: number;
      readonly code: string;
      readonly message: string;
      readonly delayMs: number | undefined;
    }
  /** A promise of a handler was rejected and nobody looked at it (R7). */
  | {
      readonly kind: "unhandledRejection";
      readonly target: string;
      readonly id: string;
      readonly ofAttempt: number;
      readonly error: unknown;
    }
  /** Admission stopped (true) or goes on (false): the disk is full, or folding lags behind. */
  | { readonly kind: "admission"; readonly stopped: boolean; readonly why: "disk" | "lag" }
  /** The clock went back by more than a minute against the newest record (R21). */
  | { readonly kind: "clockBackwards"; readonly ms: number }
  /** A verified copy of the cold table was made, and the changelog trimmed behind one. */
  | { readonly kind: "copied"; readonly position: number; readonly bytes: number }
  /** A partition of this app is led here now, or no longer is. */
  | { readonly kind: "leading"; readonly partition: number; readonly epoch: number }
  | {
      readonly kind: "left";
      readonly partition: number;
      readonly why: string;
      /** It was handed over in order, to another node or at the end. */
      readonly planned: boolean;
    }
  /** A message for another partition could not be handed over, and is tried again. */
  | { readonly kind: "deliveryFailed"; readonly to: string; readonly message: string }
  /** The other side names a number that cannot be: nothing more is sent there (R23). */
  | {
      readonly kind: "deliveryHalted";
      readonly to: string;
      readonly accepted: number;
      readonly sent: number;
    }
  /** A subscription stands still, and tries again; told when the reason is another. */
  | {
      readonly kind: "subscriptionStopped";
      readonly name: string;
      readonly code: string;
      readonly message: string;
    }
  /** A message of a subscription's stream could not be handed over, and was passed over. */
  | {
      readonly kind: "subscriptionParked";
      readonly name: string;
      readonly sequence: number;
      readonly why: string;
    }
  /** A request over HTTP met a mistake of ours: its caller was told no more than that. */
  | { readonly kind: "requestFailed"; readonly path: string; readonly error: unknown }
  /** A copy could not be made; the changelog is kept, and it is tried again when that has grown. */
  | { readonly kind: "copyFailed"; readonly code: string; readonly message: string };

export type Report = (event: EngineEvent) => void;
