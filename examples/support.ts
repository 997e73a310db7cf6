// Where an example keeps its data: in the folder that DATA names, else in a temporary one that is
// removed when the process ends.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const data: string = process.env["DATA"] ?? temporary();

function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
