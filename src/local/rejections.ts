// Rejections that nobody handled: those of a handler are told to it and do not end the process (R7);
// all others go on as if we were not there.

type Handle = (owner: object, error: unknown) => void;

/**
 * Watches until the function it answers is called. `owner` says whose code runs: Node keeps it for
 * the event as it was where the promise was made.
 */
export function watchRejections(owner: () => object | undefined, handle: Handle): () => void {
  const listener = (error: unknown): void => {
    const of = owner();
    if (of !== undefined) return handle(of, error);
    if (process.listenerCount("unhandledRejection") > 1) return;
    throw error;
  };
  process.on("unhandledRejection", listener);
  return () => void process.off("unhandledRejection", listener);
}
