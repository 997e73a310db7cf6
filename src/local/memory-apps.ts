// The apps of one cluster inside one process, for tests and simulation of several nodes.
import { registered } from "../model/app-record.ts";
import type { AppRecord, Apps } from "../ports/apps.ts";

export class MemoryApps implements Apps {
  #records: readonly AppRecord[] = [];

  register(record: AppRecord): Promise<AppRecord> {
    return new Promise((resolve) => {
      this.#records = registered(this.#records, record);
      resolve(this.#records.find(({ app }) => app === record.app) as AppRecord);
    });
  }

  all(): Promise<readonly AppRecord[]> {
    return Promise.resolve(this.#records);
  }
}
