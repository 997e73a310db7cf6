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
