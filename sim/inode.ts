// The bytes of one simulated file: what can be read, what is durable, and what lies between them.

export type Pending =
  | { readonly kind: "write"; readonly offset: number; readonly bytes: Buffer; doubted: boolean }
  | { readonly kind: "truncate"; readonly size: number; doubted: boolean };

export interface Inode {
  readonly number: number;
  bytes: Buffer;
  durable: Buffer;
  pending: Pending[];
}

export function applied(bytes: Buffer, change: Pending): Buffer {
  if (change.kind === "truncate") return resized(bytes, change.size);
  const end = change.offset + change.bytes.length;
  const result = end > bytes.length ? resized(bytes, end) : bytes;
  result.set(change.bytes, change.offset);
  return result;
}

/**
 * A sync has ended that covered these: they are durable, but for those a failed one covered before.
 * Of what is in doubt only that stays so which they did not write over.
 */
export function synced(inode: Inode, covered: readonly Pending[]): void {
  const kept = new Set(covered.filter(({ doubted }) => !doubted));
  for (const each of kept) inode.durable = applied(inode.durable, each);
  inode.pending = inode.pending.filter((each) => !kept.has(each));
  for (const later of kept) {
    inode.pending = inode.pending.flatMap((each) => (each.doubted ? outside(each, later) : [each]));
  }
}

function outside(older: Pending, later: Pending): Pending[] {
  // With the file's size, which every sync makes durable, that of an older cut is out of date.
  if (older.kind === "truncate") return [];
  const { offset, bytes } = older;
  const from = later.kind === "write" ? later.offset : later.size;
  const to = later.kind === "write" ? from + later.bytes.length : Number.POSITIVE_INFINITY;
  const before = bytes.subarray(0, Math.max(0, from - offset));
  const behind = bytes.subarray(Math.min(bytes.length, Math.max(0, to - offset)));
  return [
    { ...older, bytes: before },
    { ...older, offset: offset + bytes.length - behind.length, bytes: behind },
  ].filter((part) => part.bytes.length > 0);
}

export function resized(bytes: Buffer, size: number): Buffer {
  const result = Buffer.alloc(size);
  bytes.copy(result, 0, 0, Math.min(size, bytes.length));
  return result;
}

export function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}

export function never<T>(): Promise<T> {
  return new Promise<T>(() => {});
}
