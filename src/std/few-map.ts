// A map for the many places where there is mostly one entry at a time. The first lies in the object
// itself; the second makes a real map. A `Map` of one entry costs 200 bytes, and some more each time
// it is emptied, since it shrinks then: where there is one per invocation, that is felt.

/** What a `Map` and this one have in common. */
export interface MapLike<K, V> extends Iterable<readonly [K, V]> {
  readonly size: number;
  get(key: K): V | undefined;
  has(key: K): boolean;
  set(key: K, value: V): unknown;
  delete(key: K): boolean;
  clear(): void;
  keys(): Iterable<K>;
  values(): Iterable<V>;
}

/** What a `Set` and `FewSet` have in common. */
export interface SetLike<K> extends Iterable<K> {
  readonly size: number;
  has(key: K): boolean;
  add(key: K): unknown;
  delete(key: K): boolean;
  clear(): void;
}

export class FewMap<K, V> implements MapLike<K, V> {
  #filled = false;
  #key: K | undefined;
  #value: V | undefined;
  #map: Map<K, V> | undefined;

  constructor(entries?: Iterable<readonly [K, V]>) {
    if (entries !== undefined) for (const [key, value] of entries) this.set(key, value);
  }

  get size(): number {
    return this.#map?.size ?? (this.#filled ? 1 : 0);
  }

  get(key: K): V | undefined {
    if (this.#map !== undefined) return this.#map.get(key);
    return this.#filled && this.#key === key ? this.#value : undefined;
  }

  has(key: K): boolean {
    return this.#map?.has(key) ?? (this.#filled && this.#key === key);
  }

  set(key: K, value: V): void {
    if (this.#map === undefined && this.#filled && this.#key !== key) {
      this.#map = new Map([[this.#key as K, this.#value as V]]);
      this.#empty();
    }
    if (this.#map !== undefined) {
      this.#map.set(key, value);
      return;
    }
    this.#filled = true;
    this.#key = key;
    this.#value = value;
  }

  delete(key: K): boolean {
    if (this.#map !== undefined) return this.#map.delete(key);
    const found = this.has(key);
    if (found) this.#empty();
    return found;
  }

  clear(): void {
    this.#map?.clear();
    this.#empty();
  }

  #empty(): void {
    this.#filled = false;
    this.#key = undefined;
    this.#value = undefined;
  }

  /** In the order of their first `set`, as a `Map` has them. */
  [Symbol.iterator](): IterableIterator<readonly [K, V]> {
    if (this.#map !== undefined) return this.#map[Symbol.iterator]();
    return (this.#filled ? [[this.#key as K, this.#value as V] as const] : none).values();
  }

  keys(): Iterable<K> {
    if (this.#map !== undefined) return this.#map.keys();
    return this.#filled ? [this.#key as K] : none;
  }

  values(): Iterable<V> {
    if (this.#map !== undefined) return this.#map.values();
    return this.#filled ? [this.#value as V] : none;
  }
}

const none: readonly never[] = [];

/** A set of mostly none or one. */
export class FewSet<K> implements SetLike<K> {
  #map: FewMap<K, true> | undefined;

  constructor(keys?: Iterable<K>) {
    if (keys !== undefined) for (const key of keys) this.add(key);
  }

  get size(): number {
    return this.#map?.size ?? 0;
  }

  has(key: K): boolean {
    return this.#map?.has(key) ?? false;
  }

  add(key: K): void {
    this.#map ??= new FewMap();
    this.#map.set(key, true);
  }

  delete(key: K): boolean {
    return this.#map?.delete(key) ?? false;
  }

  clear(): void {
    this.#map?.clear();
  }

  [Symbol.iterator](): Iterator<K> {
    return (this.#map?.keys() ?? none)[Symbol.iterator]();
  }
}
