// Durable promises of a cold table in memory: by what names them, and by when they leave. Rows are
// kept encoded, as all of that table's are.
import { decodePromise, encodePromise } from "../codec/row.ts";
import type { PromiseKey, PromiseRow } from "../model/row.ts";
import { SortedList } from "./sorted-list.ts";

type Names = Pick<PromiseRow, "partitionKey" | "service" | "key">;

interface Leaving {
  readonly expiry: number;
  /** Partition key, service, key and name, as JSON. */
  readonly of: string;
}

export class MemoryPromises {
  /** By their workflow's key, then by name. */
  readonly #rows = new Map<string, Map<string, string>>();
  readonly #leaving = new SortedList<Leaving>(
    (a, b) => a.expiry - b.expiry || (a.of < b.of ? -1 : Number(a.of > b.of)),
  );

  get(of: Names, name: string): PromiseRow | undefined {
    const text = this.#rows.get(ownerOf(of))?.get(name);
    return text === undefined ? undefined : decodePromise({ ...of, name }, text);
  }

  names(of: Names): string[] {
    return [...(this.#rows.get(ownerOf(of))?.keys() ?? [])];
  }

  all(): (Names & { readonly name: string })[] {
    return [...this.#rows].flatMap(([owner, promises]) => {
      const [partitionKey, service, key] = JSON.parse(owner) as [string, string, string];
      return [...promises.keys()].map((name) => ({ partitionKey, service, key, name }));
    });
  }

  /** Those whose expiry is at or before `until`, ascending by expiry. */
  expired(until: number, limit: number): PromiseKey[] {
    const found: PromiseKey[] = [];
    for (const { expiry, of } of this.#leaving.after()) {
      if (expiry > until || found.length >= limit) break;
      const [, service, key, name] = JSON.parse(of) as [string, string, string, string];
      found.push({ service, key, name });
    }
    return found;
  }

  write(row: PromiseRow, what: "put" | "delete"): void {
    const { partitionKey, service, key, name } = row;
    const names = { partitionKey, service, key };
    const of = JSON.stringify([partitionKey, service, key, name]);
    const expiry = this.get(names, name)?.expiry ?? null;
    if (expiry !== null) this.#leaving.delete({ expiry, of });
    if (what === "put" && row.expiry !== null) this.#leaving.add({ expiry: row.expiry, of });
    const owner = ownerOf(names);
    const promises = this.#rows.get(owner) ?? new Map<string, string>();
    if (what === "put") promises.set(name, encodePromise(row));
    else promises.delete(name);
    if (promises.size > 0) this.#rows.set(owner, promises);
    else this.#rows.delete(owner);
  }
}

function ownerOf({ partitionKey, service, key }: Names): string {
  return JSON.stringify([partitionKey, service, key]);
}
