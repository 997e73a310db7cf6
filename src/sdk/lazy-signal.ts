// An AbortSignal made when somebody asks for it: most handlers and bodies never do, and an error has
// a stack to be written.

export class LazySignal {
  #controller: AbortController | undefined;
  #reason: (() => Error) | undefined;

  get aborted(): boolean {
    return this.#reason !== undefined;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#reason !== undefined) this.#controller.abort(this.#reason());
    }
    return this.#controller.signal;
  }

  /** The first reason stays. */
  abort(reason: () => Error): void {
    this.#reason ??= reason;
    this.#controller?.abort(reason());
  }
}
