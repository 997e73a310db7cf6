// Which apps there are on one cluster, what each hosts, and into how many partitions each is cut.
import type { AppMove, AppRecord } from "../model/app-record.ts";

export type { AppMove, AppRecord, AppService } from "../model/app-record.ts";

export interface Apps {
  /**
   * Registers an app, or adds to what it hosts, by compare-and-set. Answers the record that stands:
   * its partitions and secret are those of the first registration.
   *
   * @throws HoldfastError `SERVICE_OWNED_ELSEWHERE`.
   */
  register(record: AppRecord): Promise<AppRecord>;
  all(): Promise<readonly AppRecord[]>;
  /**
   * Does one step of a move by compare-and-set; where an app is new, its streams are made. Answers
   * its record.
   *
   * @throws HoldfastError `TARGET_NOT_EMPTY`, `MIGRATION_UNFINISHED`, `MOVED_AWAY`.
   */
  move(step: AppMove): Promise<AppRecord>;
}
