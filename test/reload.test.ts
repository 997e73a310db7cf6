// One directory, one engine, however often a program's modules are evaluated: development servers
// run them again on each change, and a newer evaluation takes the engine over from the older.
import { existsSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Engine, object, service, shared } from "holdfast";
import { afterEach, beforeEach, expect, test } from "vitest";

let folder: string;
let data: string;
let opened: Engine[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-reload-"));
  data = join(folder, "data");
  opened = [];
});

afterEach(async () => {
  await Promise.all(opened.map((engine) => engine.close()));
  rmSync(folder, { recursive: true, force: true });
});

type Options = Parameters<typeof Engine.open>[0];

async function open(
  services: Options["services"],
  options: Partial<Options> = {},
): Promise<Engine> {
  const engine = await Engine.open({ services, data, ...options });
  opened.push(engine);
  return engine;
}

const counter = object(
  "Counter",
  { state: { n: 0 } },
  {
    async add(ctx, by: number): Promise<number> {
      ctx.set("n", (await ctx.get("n")) + by);
      return ctx.get("n");
    },
    read: shared(async (ctx): Promise<number> => ctx.get("n")),
  },
);

function versioned(version: string, gate?: Promise<void>, began: () => void = () => {}) {
  return service("Versioned", {
    async tell(ctx): Promise<string> {
      await ctx.run("wait", async () => {
        began();
        await gate;
      });
      return version;
    },
  });
}

test("open makes no file and takes no lock before the first call", async () => {
  const engine = await open([counter]);
  expect(existsSync(data)).toBe(false);
  await engine.close();
  expect(existsSync(data)).toBe(false);
  const other = await open([counter]);
  expect(await other.call(counter, "a").add(1)).toBe(1);
  expect(existsSync(data)).toBe(true);
});

test("state, inboxes and results are there after a close and an open", async () => {
  const first = await open([counter]);
  for (let i = 0; i < 50; i++) await first.call(counter, `k${i % 5}`).add(1);
  await first.close();
  const second = await open([counter]);
  expect(await second.call(counter, "k3").read()).toBe(10);
});

test("a second open hands over the new handlers; running attempts finish on the old", async () => {
  let release = (): void => {};
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  let began = (): void => {};
  const begun = new Promise<void>((resolve) => {
    began = resolve;
  });
  const older = versioned("older", gate, () => began());
  const first = await open([older]);
  const running = first.call(older).tell();
  await begun;
  const newer = versioned("newer");
  const second = await open([newer]);
  expect(await second.call(newer).tell()).toBe("newer");
  expect(await first.call(newer).tell()).toBe("newer");
  release();
  expect(await running).toBe("older");
});

test("a module evaluated twice shares the engine", async () => {
  const first = await open([counter]);
  await first.call(counter, "a").add(1);
  // Another evaluation of the same module, as a development server makes it.
  const path = "../src/open.ts?evaluated-again";
  const again = (await import(path)) as { readonly Engine: typeof Engine };
  expect(again.Engine).not.toBe(Engine);
  const second = await again.Engine.open({ services: [counter], data });
  opened.push(second);
  expect(await second.call(counter, "a").add(1)).toBe(2);
});

test("the newest handle owns the engine: an older one's close does nothing", async () => {
  const first = await open([counter]);
  await first.start();
  const second = await open([counter]);
  await first.close();
  expect(await second.call(counter, "a").add(1)).toBe(1);
  expect(await first.call(counter, "a").add(1)).toBe(2);
  await second.close();
  await expect(first.call(counter, "a").add(1)).rejects.toMatchObject({ code: "ENGINE_CLOSED" });
});

test("an open beside a close that is under way waits for it", async () => {
  const first = await open([counter]);
  await first.call(counter, "a").add(1);
  const closing = first.close();
  const second = await open([counter]);
  expect(await second.call(counter, "a").add(1)).toBe(2);
  await closing;
});

test("a directory has one engine, whatever links lead to it", async () => {
  const first = await open([counter]);
  await first.call(counter, "a").add(1);
  symlinkSync(folder, join(folder, "link"));
  const second = await open([counter], { data: join(folder, "link", "data") });
  expect(await second.call(counter, "a").add(1)).toBe(2);
});

test("the second close is the first one's promise", async () => {
  const engine = await open([counter]);
  await engine.call(counter, "a").add(1);
  const closing = engine.close();
  expect(engine.close()).toBe(closing);
  await closing;
});

test("a close keeps its deadline; the step it cut short runs again at the next open", async () => {
  const stuck = versioned("stuck", new Promise<void>(() => {}));
  const first = await open([stuck], { closeTimeout: 50 });
  const invocation = await first.send(stuck).tell();
  await new Promise((resolve) => setTimeout(resolve, 30));
  await first.close();
  const mended = versioned("mended");
  const second = await open([mended]);
  expect(await second.invocation(invocation.id).result()).toBe("mended");
});
