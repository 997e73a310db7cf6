// Which apps there are on one cluster, what each hosts, and into how many partitions each is cut.
import type { Kind } from "../model/service-kind.ts";

export interface AppService {
  readonly name: string;
  readonly kind: Kind;
}

export interface AppRecord {
  readonly app: string;
  /** Fixed when the app is first registered. */
  readonly partitions: number;
  /** What ids computed from names are keyed with; of all partitions of the app. */
  readonly secret: string;
  /** A service name belongs to one app (R27). */
  readonly services: readonly AppService[];
}

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
