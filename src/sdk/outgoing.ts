// Commands whose input is still being encoded, in the order they were asked: each is sent when it is
// ready and all before it are, whatever its encoding takes (R4).

export class Outgoing {
  #last: Promise<void> | undefined;
  #count = 0;

  /** Commands asked and not yet sent. */
  get count(): number {
    return this.#count;
  }

  /** Sends `request` after all before it; `failed` is told when it cannot be encoded. */
  push<T>(
    request: T | Promise<T>,
    send: (ready: T) => void,
    failed: (error: unknown) => void,
  ): void {
    this.#count++;
    // It may fail while it still waits for those before it.
    if (request instanceof Promise) request.catch(noop);
    const sent = (this.#last ?? Promise.resolve())
      .then(() => request)
      .then(
        (ready) => {
          this.#count--;
          send(ready);
        },
        (error: unknown) => {
          this.#count--;
          failed(error);
        },
      )
      .catch(failed);
    this.#last = sent;
  }

  /** What `then` answers, called once everything asked until now was sent: at once, mostly. */
  whenSent<T>(then: () => T): T | Promise<T> {
    return this.#count === 0 ? then() : (this.#last ?? Promise.resolve()).then(then);
  }
}

function noop(): void {}
