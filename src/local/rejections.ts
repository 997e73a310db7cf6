// Rejections that nobody handled: those of a handler are told to it and do not end the process (R7);
// all others go on as if we were not there. One listener for all engines of the process.

/** Whose code made a promise. */
export interface RejectionOwner {
  rejected(promise: object, error: unknown): void;
  handled(promise: object): void;
}

/** Owners told of a rejection that may yet be handled. */
const told = new WeakMap<object, RejectionOwner>();
let watching = 0;
let unwatch = (): void => {};

/**
 * Watches until the function it answers is called. `owner` says whose code runs: Node keeps it for
 * the event as it was where the promise was made.
 */
export function watchRejections(owner: () => RejectionOwner | undefined): () => void {
  if (watching++ === 0) unwatch = listen(owner);
  let over = false;
  return () => {
    if (over) return;
    over = true;
    if (--watching === 0) unwatch();
  };
}

function listen(owner: () => RejectionOwner | undefined): () => void {
  const rejected = (error: unknown, promise: Promise<unknown>): void => {
    const of = owner();
    if (of === undefined) {
      if (process.listenerCount("unhandledRejection") > 1) return;
      throw error;
    }
    told.set(promise, of);
    of.rejected(promise, error);
  };
  const handled = (promise: Promise<unknown>): void => told.get(promise)?.handled(promise);
  process.on("unhandledRejection", rejected);
  process.on("rejectionHandled", handled);
  return () => {
    process.off("unhandledRejection", rejected);
    process.off("rejectionHandled", handled);
  };
}
