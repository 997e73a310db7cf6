// Durable storage in one directory: wired once the file changelog and the cold table are.
import { HoldfastError } from "./model/errors.ts";
import type { FileStorageOptions } from "./platform.ts";
import type { Storage } from "./ports/storage.ts";

export function fileStorage({ directory }: FileStorageOptions): Storage {
  throw new HoldfastError("STORAGE_UNAVAILABLE", { data: { directory } });
}
