// The apps of one cluster inside one process, for tests and simulation of several nodes.
import { movedApp, registered } from "../model/app-record.ts";
import type { AppMove, AppRecord, Apps } from "../ports/apps.ts";

export class MemoryApps implements Apps {
  #records: readonly AppRecord[] = [];

  register(record: AppRecord): Promise<AppRecord> {
    return new Promise((resolve) => {
      this.#records = registered(this.#records, record);
      resolve(this.#records.find(({ app }) => app === record.app) as AppRecord);
    });
  }

  move(step: AppMove): Promise<AppRecord> {
    return new Promise((resolve) => {
      this.#records = movedApp(this.#records, step);
      const app = step.kind === "begin" ? step.record.app : step.app;
      resolve(this.#records.find((each) => each.app === app) as AppRecord);
    });
  }

  all(): Promise<readonly AppRecord[]> {
    return Promise.resolve(this.#records);
  }
}
