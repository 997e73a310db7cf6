// Tells when files of an app have changed: what lies below a folder, but for what is not its code.
import { watch } from "node:fs";
import { sep } from "node:path";

const code = /\.(?:[cm]?[jt]sx?|json)$/;
/** Editors write a file in several steps, and tools several files. */
const quietMs = 150;

/** Calls back once things are quiet again after a change; ends with what it answers. */
export function watchFiles(folder: string, changed: (file: string) => void): () => void {
  let timer: NodeJS.Timeout | undefined;
  const watcher = watch(folder, { recursive: true }, (_, name) => {
    if (name === null || !isCode(name)) return;
    clearTimeout(timer);
    timer = setTimeout(() => changed(name), quietMs);
  });
  // A folder that vanishes meanwhile is no reason to end.
  watcher.on("error", () => {});
  return () => {
    clearTimeout(timer);
    watcher.close();
  };
}

function isCode(name: string): boolean {
  const parts = name.split(sep);
  if (parts.some((part) => part === "node_modules" || part.startsWith("."))) return false;
  return code.test(name);
}
