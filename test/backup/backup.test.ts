// Backups of real directories: made under load, of closed and of killed ones; damaged in every way;
// cut short by kills; restored, and gone on from.
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { backupDirectory, backupOf, restore, verifyBackup } from "../../src/backup.ts";
import { doctor } from "../../src/doctor.ts";
import { lockDirectory } from "../../src/file/lock.ts";
import { Engine, memory, object, service, shared } from "../../src/index.ts";
import { sha256 } from "../../src/std/sha256.ts";
import { codeOf, later } from "../support/scenario.ts";

const list = object("List", {
  async append(ctx, value: string): Promise<number> {
    const values = [...((await ctx.get<string[]>("values")) ?? []), value];
    await ctx.run("look", () => value);
    ctx.set("values", values);
    return values.length;
  },
  values: shared(async (ctx): Promise<string[]> => (await ctx.get<string[]>("values")) ?? []),
});
const waits = service("Waits", {
  async forAnswer(ctx): Promise<string> {
    const answer = ctx.awakeable<string>();
    tellAwakeable(answer.id);
    return answer.promise;
  },
});
const services = [list, waits];
let tellAwakeable: (id: string) => void = () => {};

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-backup-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let names = 0;
function fresh(name: string): string {
  return join(folder, `${name}-${++names}`);
}

/** A directory that was used and closed, with something that waits. */
async function used(): Promise<{ data: string; waiting: string; awakeable: string }> {
  const data = fresh("data");
  await using engine = await Engine.open({ services, data, closeTimeout: 0 });
  for (let i = 0; i < 30; i++) await engine.call(list, `k${i % 3}`).append(`v${i}`);
  const told = new Promise<string>((resolve) => {
    tellAwakeable = resolve;
  });
  const { id } = await engine.send(waits).forAnswer();
  return { data, waiting: id, awakeable: await told };
}

function filesIn(directory: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const name of readdirSync(directory, { recursive: true, encoding: "utf8" })) {
    const path = join(directory, name);
    // What SQLite shares among its readers is not data.
    if (!statSync(path).isFile() || name.endsWith("-shm")) continue;
    found.set(relative(directory, path), Buffer.from(sha256(readFileSync(path))).toString("hex"));
  }
  return found;
}

async function problemsOf(directory: string): Promise<readonly string[]> {
  return (await doctor({ directory, aside: fresh("aside") })).problems;
}

test("a backup under load holds all that was acknowledged before the call, and is one moment", async () => {
  const data = fresh("data");
  await using engine = await Engine.open({ services, data });
  const acknowledged = new Map<string, string[]>();
  let going = true;
  const client = async (key: string): Promise<void> => {
    const mine: string[] = [];
    acknowledged.set(key, mine);
    for (let i = 0; going; i++) {
      await engine.call(list, key).append(`${key}.${i}`);
      mine.push(`${key}.${i}`);
    }
  };
  const clients = Array.from({ length: 20 }, (_, i) => client(`k${i}`));
  const taken: { to: string; known: Map<string, readonly string[]>; position: number }[] = [];
  for (let i = 0; i < 4; i++) {
    while ([...acknowledged.values()].some((mine) => mine.length < 5 * (i + 1))) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    const known = new Map([...acknowledged].map(([key, mine]) => [key, [...mine]]));
    const to = fresh("backup");
    const { position } = await engine.backup(to);
    taken.push({ to, known, position });
  }
  going = false;
  await Promise.all(clients);
  expect(taken.map(({ position }) => position)).toEqual(
    [...taken.map(({ position }) => position)].sort((a, b) => a - b),
  );
  for (const { to, known, position } of taken) {
    const restored = fresh("restored");
    expect(await restore({ backup: to, directory: restored })).toMatchObject({ position });
    expect(await problemsOf(restored)).toEqual([]);
    await using again = await Engine.open({ services, data: restored });
    for (const [key, before] of known) {
      const values = await again.call(list, key).values();
      expect(values.slice(0, before.length)).toEqual(before);
      expect(acknowledged.get(key)?.slice(0, values.length)).toEqual(values);
    }
  }
}, 60_000);

test("a closed directory is backed up without changing it, and goes on where it was", async () => {
  const { data, waiting, awakeable } = await used();
  const before = filesIn(data);
  const to = fresh("backup");
  const report = await backupDirectory({ directory: data, to });
  expect(filesIn(data)).toEqual(before);
  expect(await verifyBackup(to)).toEqual(report);
  const restored = fresh("restored");
  await restore({ backup: to, directory: restored });
  await using engine = await Engine.open({ services, data: restored });
  expect(await engine.call(list, "k1").append("more")).toBe(11);
  await engine.awakeable(awakeable).resolve("answered");
  expect(await engine.invocation(waiting).result()).toBe("answered");
});

test("a directory whose engine was killed is backed up with all it had acknowledged", async () => {
  const { data } = await used();
  const killed = fresh("killed");
  {
    await using engine = await Engine.open({ services, data });
    for (let i = 0; i < 40; i++) await engine.call(list, "k0").append(`late ${i}`);
    // As a process that dies here leaves it.
    cpSync(data, killed, { recursive: true, filter: (path) => !path.endsWith(".sock") });
  }
  const to = fresh("backup");
  await backupDirectory({ directory: killed, to });
  const restored = fresh("restored");
  await restore({ backup: to, directory: restored });
  await using engine = await Engine.open({ services, data: restored });
  expect(await engine.call(list, "k0").values()).toHaveLength(50);
});

test("a directory without its table, and one behind a copy, are backed up from what is left", async () => {
  const { data } = await used();
  for (const suffix of ["", "-wal", "-shm"]) {
    rmSync(join(data, `table.sqlite${suffix}`), { force: true });
  }
  const first = fresh("backup");
  const { position } = await backupDirectory({ directory: data, to: first });
  const restored = fresh("restored");
  await restore({ backup: first, directory: restored });
  // Its changelog begins behind the copy it came with.
  rmSync(join(restored, "table.sqlite"));
  const second = fresh("backup");
  expect(await backupDirectory({ directory: restored, to: second })).toMatchObject({ position });
  rmSync(join(restored, "copies"), { recursive: true });
  expect(await codeOf(backupDirectory({ directory: restored, to: fresh("backup") }))).toBe(
    "TABLE_DAMAGED",
  );
});

test("only the owner may open what backup and restore write", async () => {
  const { data } = await used();
  const to = join(fresh("deep"), "er", "backup");
  await backupDirectory({ directory: data, to });
  const restored = fresh("restored");
  await restore({ backup: to, directory: restored });
  for (const directory of [to, restored]) {
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    for (const name of readdirSync(directory, { recursive: true, encoding: "utf8" })) {
      const found = statSync(join(directory, name));
      expect([name, found.mode & 0o777]).toEqual([name, found.isFile() ? 0o600 : 0o700]);
    }
  }
});

describe("a damaged backup is refused:", () => {
  let whole: string;
  beforeAll(async () => {
    whole = fresh("backup");
    await backupDirectory({ directory: (await used()).data, to: whole });
  });

  function copied(): string {
    const to = fresh("copied");
    cpSync(whole, to, { recursive: true });
    return to;
  }

  async function refused(backup: string): Promise<void> {
    expect(await codeOf(verifyBackup(backup))).toBe("BACKUP_DAMAGED");
    const directory = fresh("restored");
    expect(await codeOf(restore({ backup, directory }))).toBe("BACKUP_DAMAGED");
    expect(existsSync(directory)).toBe(false);
  }

  test("every byte of its manifest, and bytes all over its table", async () => {
    for (const [name, step] of [
      ["backup.json", 1],
      ["table.sqlite", 509],
    ] as const) {
      const backup = copied();
      const path = join(backup, name);
      const bytes = readFileSync(path);
      for (let at = 0; at < bytes.length; at += step) {
        bytes[at]! ^= 1 << (at % 8);
        writeFileSync(path, bytes);
        const code = await codeOf(verifyBackup(backup));
        expect([name, at, code]).toEqual([name, at, "BACKUP_DAMAGED"]);
        bytes[at]! ^= 1 << (at % 8);
      }
      writeFileSync(path, bytes);
      expect(await verifyBackup(backup)).toMatchObject({ directory: backup });
    }
  }, 60_000);

  test("cut off anywhere", async () => {
    for (const name of ["backup.json", "table.sqlite"]) {
      const { size } = statSync(join(whole, name));
      for (const length of [0, 1, size >> 1, size - 1]) {
        const backup = copied();
        truncateSync(join(backup, name), length);
        await refused(backup);
      }
    }
  });

  test("a file of it missing, or of another backup", async () => {
    for (const name of ["backup.json", "table.sqlite"]) {
      const backup = copied();
      rmSync(join(backup, name));
      await refused(backup);
    }
    const other = fresh("backup");
    await backupDirectory({ directory: (await used()).data, to: other });
    const backup = copied();
    cpSync(join(other, "table.sqlite"), join(backup, "table.sqlite"));
    await refused(backup);
  });

  test("a manifest of a later version is not guessed at", async () => {
    const backup = copied();
    const path = join(backup, "backup.json");
    const { check: _, ...facts } = JSON.parse(readFileSync(path, "utf8")) as { check: string };
    const later = { ...facts, format: 2 };
    const text = new TextEncoder().encode(JSON.stringify(later));
    const check = Buffer.from(sha256(text)).toString("hex");
    writeFileSync(path, `${JSON.stringify({ ...later, check }, undefined, 2)}\n`);
    expect(await codeOf(verifyBackup(backup))).toBe("DIRECTORY_NEWER");
  });
});

describe("nothing is written over:", () => {
  test("neither a data directory, nor a backup, nor a folder with a file", async () => {
    const { data } = await used();
    const to = fresh("backup");
    await backupDirectory({ directory: data, to });
    const foreign = fresh("foreign");
    mkdirSync(foreign);
    writeFileSync(join(foreign, "letter.txt"), "dear");
    for (const target of [data, to, foreign]) {
      const before = filesIn(target);
      expect(await codeOf(restore({ backup: to, directory: target }))).toBe("TARGET_NOT_EMPTY");
      expect(await codeOf(backupOf(target, async () => {}))).toBe("TARGET_NOT_EMPTY");
      expect(filesIn(target)).toEqual(before);
    }
  });

  test("and two do not write into one folder at a time", async () => {
    const { data } = await used();
    const to = fresh("backup");
    mkdirSync(to);
    const lock = await lockDirectory(to);
    expect(await codeOf(backupDirectory({ directory: data, to }))).toBe("DIRECTORY_LOCKED");
    await lock.release();
    await backupDirectory({ directory: data, to });
  });

  test("a folder that cannot be made says so, and one that is empty is taken", async () => {
    const { data } = await used();
    const file = fresh("file");
    writeFileSync(file, "");
    expect(await codeOf(backupDirectory({ directory: data, to: join(file, "b") }))).toBe(
      "BACKUP_FAILED",
    );
    const empty = fresh("empty");
    mkdirSync(empty);
    await backupDirectory({ directory: data, to: empty });
    expect(await codeOf(backupDirectory({ directory: fresh("none"), to: fresh("b") }))).toBe(
      "DIRECTORY_FOREIGN",
    );
  });
});

describe("cut short by a kill", () => {
  const program = fileURLToPath(new URL("./child.ts", import.meta.url));

  /** Kills it after it has begun the n-th, a little later each time. */
  async function killed(what: string, from: string, to: string, n: number): Promise<void> {
    const child: ChildProcess = fork(program, [what, from, to], { execArgv: ["--import", "tsx"] });
    for (let seen = -1; seen < n; ) seen = ((await once(child, "message")) as [number])[0];
    await new Promise((resolve) => setTimeout(resolve, n * 3));
    child.kill("SIGKILL");
    await once(child, "exit");
  }

  test("a backup is whole or none, and the next run makes it whole", async () => {
    const { data } = await used();
    const expected = (await backupDirectory({ directory: data, to: fresh("backup") })).position;
    let none = 0;
    for (let n = 0; n < 8; n++) {
      const to = fresh(`kill-${n}`);
      await killed("backup", data, to, n);
      for (const name of readdirSync(folder).filter((each) => join(folder, each).startsWith(to))) {
        const backup = join(folder, name);
        const code = await codeOf(verifyBackup(backup).then(() => "whole"));
        if (code !== 'resolved: "whole"') {
          none++;
          expect(code).toBe("BACKUP_DAMAGED");
          await backupDirectory({ directory: data, to: backup });
        }
        expect(await verifyBackup(backup)).toMatchObject({ position: expected });
      }
    }
    expect(none).toBeGreaterThan(0);
  }, 120_000);

  test("a restored directory is whole or refused, and the next run makes it whole", async () => {
    const { data } = await used();
    const backup = fresh("backup");
    await backupDirectory({ directory: data, to: backup });
    let none = 0;
    for (let n = 0; n < 8; n++) {
      const to = fresh(`kill-${n}`);
      await killed("restore", backup, to, n);
      for (const name of readdirSync(folder).filter((each) => join(folder, each).startsWith(to))) {
        const directory = join(folder, name);
        if (!existsSync(join(directory, "holdfast.json"))) {
          const empty = readdirSync(directory).every((each) => each.startsWith("lock."));
          if (empty) continue;
          none++;
          const open = Engine.open({ services, data: directory }).then((engine) => engine.start());
          expect(await codeOf(open)).toBe("DIRECTORY_FOREIGN");
          await restore({ backup, directory });
        }
        expect(await problemsOf(directory)).toEqual([]);
      }
    }
    expect(none).toBeGreaterThan(0);
  }, 120_000);
});

test("two engines of one backup have the same ids and keys, and histories that do not mix", async () => {
  const { data, waiting } = await used();
  const seen = await (async () => {
    await using engine = await Engine.open({ services, data, closeTimeout: 0 });
    const call = { idempotencyKey: "once" };
    await engine.call(list, "k0", call).append("idempotent");
    return (await engine.send(list, "k0", call).append("idempotent")).id;
  })();
  const backup = fresh("backup");
  await backupDirectory({ directory: data, to: backup });
  const [one, two] = [fresh("one"), fresh("two")];
  for (const directory of [one, two]) await restore({ backup, directory });
  const minted: string[] = [];
  for (const directory of [one, two]) {
    await using engine = await Engine.open({ services, data: directory, closeTimeout: 0 });
    expect((await engine.send(list, "k0", { idempotencyKey: "once" }).append("again")).id).toBe(
      seen,
    );
    // A key that neither has seen is one invocation in each, of the same id.
    const fresh = await engine.send(list, "k0", { idempotencyKey: "new" }).append("new");
    minted.push(fresh.id, (await engine.send(list, "k1").append("x")).id);
    expect((await engine.inspect.invocation(waiting)).id).toBe(waiting);
  }
  expect(minted[0]).toBe(minted[2]);
  expect(minted[1]).not.toBe(minted[3]);
  rmSync(join(one, "changelog"), { recursive: true });
  renameSync(join(two, "changelog"), join(one, "changelog"));
  const mixed = Engine.open({ services, data: one }).then((engine) => engine.start());
  expect(await codeOf(mixed)).toBe("TABLE_DAMAGED");
});

test("an engine in memory has nothing to back up; one that closes meanwhile says so", async () => {
  await using engine = await Engine.open({ services, data: memory() });
  expect(await codeOf(engine.backup(fresh("backup")))).toBe("BACKUP_UNAVAILABLE");
  const { data } = await used();
  const closing = await Engine.open({ services, data });
  await closing.start();
  await closing.close();
  expect(await codeOf(later(closing.backup(fresh("backup"))))).toBe("ENGINE_CLOSED");
});
