// What a node knows of the apps of its cluster: who hosts which service, and where the rows of a key
// and the invocation of an id lie. Learned from time to time, so it may be a little behind; services
// never move from one app to another (R27).
import type { AppRecord } from "../model/app-record.ts";
import { tagOf, whereOf } from "../model/ids.ts";
import { unrouted } from "../model/message.ts";
import { keyWithin, type Place, partitionOfKey, placeText } from "../model/place.ts";
import type { Directory, HostedHandler, Located } from "../partition/decision.ts";
import { hexOf } from "../std/bytes.ts";

export class KnownApps {
  readonly #byService = new Map<string, AppRecord>();
  readonly #byTag = new Map<string, AppRecord>();
  readonly #byName = new Map<string, AppRecord>();

  /** Answers the services that were not known before. */
  learn(records: readonly AppRecord[]): Set<string> {
    const added = new Set<string>();
    for (const record of records) {
      this.#byName.set(record.app, record);
      this.#byTag.set(hexOf(tagOf(record.app)), record);
      for (const { name } of record.services) {
        if (!this.#byService.has(name)) added.add(name);
        this.#byService.set(name, record);
      }
    }
    return added;
  }

  all(): AppRecord[] {
    return [...this.#byName.values()].sort((a, b) => (a.app < b.app ? -1 : 1));
  }

  app(name: string): AppRecord | undefined {
    return this.#byName.get(name);
  }

  ofService(service: string): AppRecord | undefined {
    return this.#byService.get(service);
  }

  services(): ReadonlySet<string> {
    return new Set(this.#byService.keys());
  }

  /** Where the invocation or awakeable of an id lives; undefined for an id of nobody's. */
  ofId(id: string): Place | undefined {
    try {
      const { tag, partitionKey } = whereOf(id);
      const record = this.#byTag.get(tag);
      return record === undefined ? undefined : placeIn(record, partitionKey);
    } catch {
      return undefined;
    }
  }
}

/**
 * Where an id of no app lies, as seen from one: it was made before the app was in a cluster, and moved
 * here since. Undefined for what is no id.
 */
export function ofNoApp(id: string, own: Pick<AppRecord, "app" | "partitions">): Place | undefined {
  try {
    return placeIn(own, whereOf(id).partitionKey);
  } catch {
    return undefined;
  }
}

export function placeIn(
  { app, partitions }: Pick<AppRecord, "app" | "partitions">,
  partitionKey: string,
): Place {
  return { app, partition: partitionOfKey(partitionKey, partitions) };
}

/** What one partition's decisions ask of the code hosted here and of the rest of the cluster. */
export class PartitionDirectory implements Directory {
  readonly cluster = true;
  readonly #hosted: Pick<Directory, "handler">;
  readonly #apps: KnownApps;
  readonly #self: Place;
  readonly #partitions: number;

  constructor(
    hosted: Pick<Directory, "handler">,
    apps: KnownApps,
    self: Place,
    partitions: number,
  ) {
    this.#hosted = hosted;
    this.#apps = apps;
    this.#self = self;
    this.#partitions = partitions;
  }

  handler(
    service: string,
    handler: string,
    revision?: string | null,
  ): HostedHandler | "no-service" | "no-handler" {
    return this.#hosted.handler(service, handler, revision);
  }

  locate(service: string, partitionKey: string): Located | undefined {
    const record = this.#apps.ofService(service);
    if (record === undefined) return { to: unrouted(service), app: undefined };
    const place = placeIn(record, partitionKey);
    return this.#here(place) ? undefined : { to: placeText(place), app: record.app };
  }

  locateId(id: string): string | undefined {
    const { app } = this.#self;
    const place = this.#apps.ofId(id) ?? ofNoApp(id, { app, partitions: this.#partitions });
    return place === undefined || this.#here(place) ? undefined : placeText(place);
  }

  ownKey(partitionKey: string): string {
    return keyWithin(partitionKey, this.#self.partition, this.#partitions);
  }

  #here({ app, partition }: Place): boolean {
    return app === this.#self.app && partition === this.#self.partition;
  }
}
