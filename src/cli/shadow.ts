// Shadow replay, in development: each invocation that has ended is replayed at once against the code
// that ran it, without its steps, and where the two part somebody is told, long before a crash would.
import { Archive } from "../archive.ts";
import { isHoldfastError } from "../model/errors.ts";
import { replayHere } from "../replay-here.ts";
import type { Callable } from "../sdk/types.ts";
import { divergenceLines } from "./divergence.ts";

/** Ended and not yet replayed; under more load than that some are not. */
const waitingMax = 100;

export interface ShadowOptions {
  readonly data: string;
  services(): readonly Callable[];
  say(line: string): void;
}

export class Shadow {
  readonly #options: ShadowOptions;
  readonly #waiting: string[] = [];
  #running = false;

  constructor(options: ShadowOptions) {
    this.#options = options;
  }

  /** An invocation has ended, and that is durable. */
  ended(id: string): void {
    if (this.#waiting.length < waitingMax) this.#waiting.push(id);
    if (!this.#running) void this.#run();
  }

  async #run(): Promise<void> {
    this.#running = true;
    try {
      while (this.#waiting.length > 0) await this.#replay(this.#waiting.splice(0));
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.#options.say(`holdfast: what has ended could not be replayed: ${message}`);
    } finally {
      this.#running = false;
    }
  }

  async #replay(ids: readonly string[]): Promise<void> {
    const { data, services, say } = this.#options;
    const archive = await Archive.open(data);
    try {
      for (const id of ids) {
        const found = entriesOf(archive, id);
        const divergence = found && (await replayHere(found, services())).divergence;
        if (divergence === undefined) continue;
        say("holdfast: this ended well, and would go another way after a crash:");
        for (const line of divergenceLines(
          `${found?.row.service}/${found?.row.handler}`,
          divergence,
        )) {
          say(`  ${line}`);
        }
      }
    } finally {
      await archive.close();
    }
  }
}

/** One that was not kept cannot be looked at. */
function entriesOf(archive: Archive, id: string): ReturnType<Archive["invocation"]> | undefined {
  try {
    return archive.invocation(id);
  } catch (error) {
    if (isHoldfastError(error, "INVOCATION_NOT_FOUND")) return undefined;
    throw error;
  }
}
