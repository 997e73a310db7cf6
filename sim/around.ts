// A changelog that is watched: what goes in is noted by whoever watches, all else is its own.
import type { Changelog } from "../src/ports/changelog.ts";

/** The changelog with other ways in, and bytes that count more: worlds are small. */
export function around(
  changelog: Changelog,
  { append, trim }: Pick<Changelog, "append" | "trim">,
  bytesScale: number,
): Changelog {
  return {
    get range() {
      return changelog.range;
    },
    get bytes() {
      return changelog.bytes * bytesScale;
    },
    append,
    trim,
    fence: changelog.fence,
    read: (position) => changelog.read(position),
    chainAt: (position) => changelog.chainAt(position),
    close: () => changelog.close(),
    get onFull() {
      return changelog.onFull;
    },
    set onFull(listener) {
      changelog.onFull = listener;
    },
  };
}
