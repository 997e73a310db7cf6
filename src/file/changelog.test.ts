import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { changelogConformance } from "../testing/conformance/changelog.ts";
import { openFileChangelog } from "./changelog.ts";

async function directory(): Promise<string> {
  return mkdtemp(join(tmpdir(), "holdfast-file-"));
}

changelogConformance({
  test,
  expect,
  open: async () => {
    const parent = await directory();
    const place = join(parent, "data");
    return {
      open: () => openFileChangelog({ directory: place, segmentBytes: 32 * 1024 }),
      dispose: () => rm(parent, { recursive: true }),
    };
  },
  supports: { reopen: true, trim: true },
});
