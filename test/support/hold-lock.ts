// A second process for the lock's tests: takes the lock of the directory it is given, prints "held"
// or the code of the refusal, and stays until its input ends; with "leave" it simply returns, so
// that what is still alive afterwards is the lock's doing.

import { lockDirectory } from "../../src/file/lock.ts";

const [directory = "", mode] = process.argv.slice(2);

try {
  await lockDirectory(directory);
  process.stdout.write("held\n");
} catch (error) {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : error;
  process.stdout.write(`${String(code)}\n`);
}
if (mode !== "leave") process.stdin.resume();
