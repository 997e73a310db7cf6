// The promise of a step or a call: it knows whether anybody has looked at it, be it by awaiting or
// by a race it lost, so that one that nobody looks at can be told from one that was given up. What
// is derived from it is a plain promise.
//
// A subclass, and not a `then` of the promise's own: that would switch off V8's fast paths for all
// promises of the process, a subclass costs its own instances half a microsecond and others nothing
// (docs/decisions/0005).

export class AskedPromise<T> extends Promise<T> {
  #looked = false;

  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  // biome-ignore lint/suspicious/noThenProperty: it is a promise, and its own.
  override then<A = T, B = never>(
    fulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    rejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.#looked = true;
    return super.then(fulfilled, rejected);
  }

  /** Whether anybody waits, or has waited, for this promise. */
  static lookedAt(promise: Promise<unknown>): boolean {
    return #looked in promise && promise.#looked;
  }
}
