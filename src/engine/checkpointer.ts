// When the cold table is copied and what of the changelog is then trimmed. The changelog is trimmed
// only behind a copy that was read back, and that is not the only one (R15); a copy is due when the
// changelog has grown as large as the table since the last one. A copy that fails leaves everything as it was, and is tried again.
import { isHoldfastError } from "../model/errors.ts";
import type { OpenStorage } from "../ports/storage.ts";
import type { Report } from "./events.ts";

/** Changelog that is never worth a copy. */
const changelogBytesMin = 64 * 1024 * 1024;
/** How much more of it comes before a copy that failed is tried again. */
const retryBytes = 8 * 1024 * 1024;

export class Checkpointer {
  readonly #storage: OpenStorage;
  readonly #report: Report;
  readonly #onFatal: (error: unknown) => void;
  #tableBytes = 0;
  /** Bytes of changelog held when the last copy was made. */
  #held = 0;
  #retryAt = 0;
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
    const grown = changelog.bytes - this.#held;
    const due = grown > Math.max(changelogBytesMin, this.#tableBytes, this.#retryAt);
    if (!due || this.#copying || this.#stopped) return;
    this.#copying = true;
    this.#copy().then(
      () => {
        this.#copying = false;
      },
      (error: unknown) => {
        this.#copying = false;
        if (!this.#stopped) this.#failed(error);
      },
    );
  }

  #failed(error: unknown): void {
    const passing = ["DISK_FULL", "COPY_DAMAGED", "TABLE_LOCKED"];
    if (!isHoldfastError(error) || !passing.includes(error.code)) return this.#onFatal(error);
    this.#retryAt = this.#storage.changelog.bytes - this.#held + retryBytes;
    this.#report({ kind: "copyFailed", code: error.code, message: error.message });
  }

  stop(): void {
    this.#stopped = true;
  }

  async #copy(): Promise<void> {
    const copy = await this.#storage.materialiser.copy();
    if (copy === undefined || this.#stopped) return;
    this.#retryAt = 0;
    this.#tableBytes = copy.bytes;
    await this.#storage.changelog.trim(copy.behind);
    this.#held = this.#storage.changelog.bytes;
    this.#report({ kind: "copied", position: copy.position, bytes: copy.bytes });
  }
}
