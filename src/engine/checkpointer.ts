// When the cold table is copied and what of the changelog is then trimmed. The changelog is trimmed
// only behind a copy that was read back (R15); a copy is due when the changelog has grown as large
// as the table since the last one.
import type { OpenStorage } from "../ports/storage.ts";
import type { Report } from "./events.ts";

/** Changelog that is never worth a copy. */
const changelogBytesMin = 64 * 1024 * 1024;

export class Checkpointer {
  readonly #storage: OpenStorage;
  readonly #report: Report;
  readonly #onFatal: (error: unknown) => void;
  #tableBytes = 0;
  #copying = false;
  #stopped = false;

  constructor(storage: OpenStorage, report: Report, onFatal: (error: unknown) => void) {
    this.#storage = storage;
    this.#report = report;
    this.#onFatal = onFatal;
  }

  /** The table has been folded further. */
  folded(): void {
    const { changelog } = this.#storage;
    const due = changelog.bytes > Math.max(changelogBytesMin, this.#tableBytes);
    if (!due || this.#copying || this.#stopped) return;
    this.#copying = true;
    this.#copy().then(
      () => {
        this.#copying = false;
      },
      (error: unknown) => this.#onFatal(error),
    );
  }

  stop(): void {
    this.#stopped = true;
  }

  async #copy(): Promise<void> {
    const copy = await this.#storage.materialiser.copy();
    if (copy === undefined || this.#stopped) return;
    this.#tableBytes = copy.bytes;
    await this.#storage.changelog.trim(copy.position);
    this.#report({ kind: "copied", position: copy.position, bytes: copy.bytes });
  }
}
