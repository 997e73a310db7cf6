// Makes backups of the engine that is served here, for whoever asks the admin side: each aside in the
// data directory, sent, and removed. One at a time: each takes as much room as the table.
import { rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { join, resolve } from "node:path";
import { backupTableName } from "./file/backup.ts";
import { HoldfastError } from "./model/errors.ts";
import type { BackupReport } from "./ports/backup.ts";
import type { SentBackup } from "./server/admin-system.ts";

/** What a process that died while it sent one leaves; removed by the next. */
const asideName = "backup.sending";

const chunkBytes = 256 * 1024;

/** Those of this process that are being sent, whoever asked: there is one place for them. */
const busy = new Set<string>();

interface BackedUp {
  backup(to: string): Promise<BackupReport>;
}

export class BackupSender {
  readonly #engine: BackedUp;
  readonly #aside: string;

  constructor(engine: BackedUp, data: string) {
    this.#engine = engine;
    this.#aside = resolve(data, asideName);
    if (!busy.has(this.#aside)) this.#remove();
  }

  /** @throws HoldfastError `BACKUP_UNDER_WAY`, and what `Engine.backup` throws. */
  async send(): Promise<SentBackup> {
    if (busy.has(this.#aside)) throw new HoldfastError("BACKUP_UNDER_WAY");
    busy.add(this.#aside);
    try {
      this.#remove();
      const { directory: _, ...report } = await this.#engine.backup(this.#aside);
      const table = this.#table();
      // Begun: from here on it ends whether anybody reads or not.
      await table.next();
      return { report, table };
    } catch (error) {
      this.#end();
      throw error;
    }
  }

  /** The bytes of the table; whoever stops early ends it, too. */
  async *#table(): AsyncGenerator<Uint8Array> {
    const file = await open(join(this.#aside, backupTableName), "r");
    try {
      for (let chunk: Uint8Array = new Uint8Array(0); ; ) {
        yield chunk;
        const { buffer, bytesRead } = await file.read(Buffer.allocUnsafeSlow(chunkBytes));
        if (bytesRead === 0) return;
        chunk = buffer.subarray(0, bytesRead);
      }
    } finally {
      await file.close();
      this.#end();
    }
  }

  #end(): void {
    this.#remove();
    busy.delete(this.#aside);
  }

  #remove(): void {
    rmSync(this.#aside, { recursive: true, force: true });
  }
}
