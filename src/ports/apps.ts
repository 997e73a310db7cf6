// Which apps there are on one cluster, what each hosts, and into how many partitions each is cut.
import type { AppRecord } from "../model/app-record.ts";

export type { AppRecord, AppService } from "../model/app-record.ts";

export interface Apps {
  /**
   * Registers an app, or adds to what it hosts, by compare-and-set. Answers the record that stands:
   * its partitions and secret are those of the first registration.
   *
   * @throws HoldfastError `SERVICE_OWNED_ELSEWHERE`.
   */
  register(record: AppRecord): Promise<AppRecord>;
  all(): Promise<readonly AppRecord[]>;
}
