// A program as short as they come, on the built package, in a process of its own.
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const program = `
  import { Engine, service } from "holdfast";
  const greeter = service("Greeter", {
    async greet(ctx, name) {
      await ctx.sleep(100);
      return "Hello, " + name;
    },
  });
  const engine = await Engine.open({ services: [greeter], data: process.argv[1] });
  process.stdout.write(await engine.call(greeter).greet("Sarah"));
  await engine.close();
`;

test("a program on the command line waits for a handler that sleeps, and says nothing else", async () => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-test-"));
  try {
    // The thread of the materialiser must not inherit `--input-type`, which forbids it its file.
    const args = ["--input-type=module", "-e", program, join(folder, "data")];
    const cwd = fileURLToPath(new URL("..", import.meta.url));
    const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { cwd });
    expect({ stdout, stderr }).toEqual({ stdout: "Hello, Sarah", stderr: "" });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
