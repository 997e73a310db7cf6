// R15, R16, R20: what an engine does when its storage is full, fails, or speaks another format.
import { expect, test } from "vitest";
import { batchBytes, recordsOf } from "../codec/record.ts";
import { MemoryChangelog } from "../local/memory-changelog.ts";
import { MemoryColdTable } from "../local/memory-cold-table.ts";
import { Engine } from "../open.ts";
import type { Batch } from "../ports/changelog.ts";
import type { Storage } from "../ports/storage.ts";
import { service } from "../sdk/definition.ts";
import { deferred } from "../std/deferred.ts";
import { Checkpointer } from "./checkpointer.ts";
import { Folding } from "./folding.ts";

const echo = service("Echo", {
  async say(_ctx, text: string): Promise<string> {
    return text;
  },
});

class TroubledChangelog extends MemoryChangelog {
  trouble: ((batch: Batch) => Promise<void>) | undefined;

  override async append(batch: Batch): Promise<number> {
    await this.trouble?.(batch);
    return super.append(batch);
  }
}

function troubled(): { storage: Storage; changelog: TroubledChangelog } {
  const changelog = new TroubledChangelog();
  const cold = new MemoryColdTable();
  const clock = { nextTurn: (then: () => void) => void setImmediate(then) };
  const materialiser = new Folding({ cold, clock, stretchBytes: 0 });
  const close = () => changelog.close();
  const storage = {
    promise: "troubled",
    open: () => Promise.resolve({ changelog, cold, materialiser, close }),
  };
  return { storage, changelog };
}

test("R16: a failed append ends the engine; who waits is told that the outcome is unknown", async () => {
  const { storage, changelog } = troubled();
  const fatal = deferred<unknown>();
  const engine = await Engine.open({ services: [echo], data: storage, onFatal: fatal.resolve });
  expect(await engine.call(echo).say("a")).toBe("a");
  changelog.trouble = () => Promise.reject(new Error("EIO"));
  const asked = [engine.call(echo).say("b"), engine.send(echo).say("c")];
  for (const one of asked) await expect(one).rejects.toMatchObject({ code: "ENGINE_FAILED" });
  expect(await fatal.promise).toMatchObject({ message: "EIO" });
  await expect(engine.call(echo).say("d")).rejects.toMatchObject({ code: "ENGINE_FAILED" });
  await engine.close();
});

test("R16: a full disk is a wait: doors refuse, what was taken goes on when there is room", async () => {
  const { storage, changelog } = troubled();
  const engine = await Engine.open({ services: [echo], data: storage });
  expect(await engine.call(echo).say("a")).toBe("a");
  const room = deferred();
  changelog.trouble = () => room.promise;
  const waiting = engine.call(echo).say("b");
  changelog.onFull?.(true);
  await expect(engine.call(echo).say("c")).rejects.toMatchObject({ code: "DISK_FULL" });
  changelog.trouble = undefined;
  changelog.onFull?.(false);
  room.resolve();
  expect(await waiting).toBe("b");
  expect(await engine.call(echo).say("d")).toBe("d");
  await engine.close();
});

test("R15: the changelog is trimmed only behind a copy", async () => {
  const changelog = new MemoryChangelog();
  const trims: number[] = [];
  changelog.trim = (position) => Promise.resolve(void trims.push(position));
  Object.defineProperty(changelog, "bytes", { get: () => 2 ** 40 });
  const copy = deferred<{ position: number; behind: number; bytes: number } | undefined>();
  const materialiser = { copy: () => copy.promise };
  const storage = { changelog, materialiser } as never;
  const checkpointer = new Checkpointer(
    storage,
    () => {},
    () => {},
  );
  checkpointer.folded();
  await Promise.resolve();
  expect(trims).toEqual([]);
  copy.resolve({ position: 7, behind: 7, bytes: 1 });
  await new Promise((resolve) => setImmediate(resolve));
  expect(trims).toEqual([7]);
});

test("R20: a format that this version does not speak is refused with a code", () => {
  const bytes = batchBytes(["{}"]);
  const text = new TextDecoder().decode(bytes);
  const newer = new TextEncoder().encode(text.replace(/^\d+/, "999"));
  expect(() => recordsOf(newer, 1)).toThrow(expect.objectContaining({ code: "RECORD_UNREADABLE" }));
});
