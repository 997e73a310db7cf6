// Files of a data directory are their owner's alone (checks 19 and 12): their modes, a directory that
// others may enter, and a process without Object.prototype.__proto__. What becomes of changed bytes is
// in src/file/corruption.test.ts and test/cli/doctor.test.ts.
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Engine } from "../../src/index.ts";
import { counter, greeter } from "../support/services.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-files-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const opened = (data: string, dev: boolean): Promise<Engine> =>
  Engine.open({ services: [greeter, counter], data, dev });

describe.runIf(process.platform !== "win32")("modes", () => {
  test("directories are 0700 and files 0600, whatever the umask", async () => {
    const before = process.umask(0);
    try {
      const data = join(folder, "data");
      const engine = await opened(data, false);
      await engine.call(counter, "k").add(1);
      await engine.backup(join(folder, "backup"));
      const all = [data, join(folder, "backup")].flatMap((path) => [
        path,
        ...readdirSync(path, { recursive: true, encoding: "utf8" }).map((name) => join(path, name)),
      ]);
      const wide = all
        .map((path) => [path, statSync(path)] as const)
        .filter(([, stat]) => (stat.mode & 0o777) !== (stat.isDirectory() ? 0o700 : 0o600))
        .map(([path, stat]) => `${path} ${(stat.mode & 0o777).toString(8)}`);
      expect(wide).toEqual([]);
      await engine.close();
    } finally {
      process.umask(before);
    }
  });

  test.each(["0755", "0750", "0701", "0770"])(
    "a directory of mode %s is refused in production, untouched, with what to do",
    async (octal) => {
      const data = join(folder, "data");
      mkdirSync(data);
      chmodSync(data, Number.parseInt(octal, 8));
      const engine = await opened(data, false);
      await expect(engine.start()).rejects.toMatchObject({
        code: "DIRECTORY_EXPOSED",
        data: { mode: octal },
        message: expect.stringContaining(`chmod 700 ${data}`),
      });
      expect(readdirSync(data)).toEqual([]);
      chmodSync(data, 0o700);
      expect(await engine.call(counter, "k").add(1)).toBe(1);
      await engine.close();
    },
  );

  test("in development it is taken, and a folder within it is made for its owner in production", async () => {
    chmodSync(folder, 0o755);
    const dev = await opened(join(folder, "dev"), true);
    await dev.start();
    await dev.close();
    chmodSync(join(folder, "dev"), 0o755);
    const again = await opened(join(folder, "dev"), true);
    await again.start();
    await again.close();
    const within = await opened(join(folder, "within"), false);
    await within.start();
    await within.close();
    expect(statSync(join(folder, "within")).mode & 0o777).toBe(0o700);
  });
});

test("check 12: it works where Object.prototype.__proto__ is not, and pollutes nothing", () => {
  const index = new URL("../../dist/index.js", import.meta.url).href;
  const program = `
    import { Engine, object } from ${JSON.stringify(index)};
    const box = object("Box", {
      async put(ctx, value) { ctx.set("__proto__", value); ctx.set("constructor", value); return ctx.get("__proto__"); },
      async names(ctx) { return ctx.stateKeys(); },
    });
    const engine = await Engine.open({ services: [box], data: ${JSON.stringify(join(folder, "data"))} });
    const evil = JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}');
    const kept = await engine.call(box, "__proto__").put(evil);
    const names = await engine.call(box, "__proto__").names();
    await engine.close();
    console.log(JSON.stringify([kept, names, {}.polluted ?? null, "__proto__" in {}]));`;
  for (const flags of [[], ["--disable-proto=delete"]]) {
    const args = [...flags, "--input-type=module", "--eval", program];
    const out = execFileSync(process.execPath, args, { encoding: "utf8" });
    const evil = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}';
    const names = '["__proto__","constructor"]';
    expect(out.trim()).toBe(`[${evil},${names},null,${flags.length === 0}]`);
    rmSync(join(folder, "data"), { recursive: true });
  }
});
