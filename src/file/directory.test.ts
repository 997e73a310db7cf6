import { expect, test } from "vitest";
import { FakeDisk, systemError } from "../../test/support/fake-disk.ts";
import { inspectDirectory, makeDirectories, markDirectory, markerName } from "./directory.ts";

const directory = "/srv/data";
const marker = `${directory}/${markerName}`;

/** A data directory that holds these files. */
function holding(files: Readonly<Record<string, string>>): FakeDisk {
  const entries = Object.entries(files).map(
    ([name, text]) => [`${directory}/${name}`, Buffer.from(text)] as const,
  );
  return new FakeDisk({ directories: ["/", "/srv", directory], files: new Map(entries) });
}

const inspect = (disk: FakeDisk, allowRemote = false) =>
  inspectDirectory({ disk, directory, allowRemote });

test("what is not there, or holds nothing that says whose it is, is empty", async () => {
  expect(await inspect(new FakeDisk())).toBe("empty");
  expect(await inspect(holding({ "lost+found": "", ".gitignore": "*", "lock.json": "{}" }))).toBe(
    "empty",
  );
});

test("a directory of others is refused, saying what it holds", async () => {
  await expect(inspect(holding({ "index.html": "" }))).rejects.toMatchObject({
    code: "DIRECTORY_FOREIGN",
    message: expect.stringContaining("it holds index.html."),
  });
  await expect(inspect(holding({ a: "", b: "", c: "" }))).rejects.toMatchObject({
    message: expect.stringContaining("it holds a and 2 more."),
    data: { names: ["a", "b", "c"] },
  });
});

test("a directory that cannot be listed is not taken for an empty one", async () => {
  const disk = holding({});
  disk.list = async () => {
    throw systemError("EACCES", directory);
  };
  await expect(inspect(disk)).rejects.toMatchObject({ code: "EACCES" });
});

test("a marker that is none of ours, or of a newer format, is refused", async () => {
  for (const text of ["", "no JSON", "null", "7", "{}", '{"format":"1"}', '{"format":0}']) {
    await expect(inspect(holding({ [markerName]: text })), text).rejects.toMatchObject({
      code: "DIRECTORY_FOREIGN",
      data: { file: marker },
    });
  }
  await expect(inspect(holding({ [markerName]: '{"format":2}' }))).rejects.toMatchObject({
    code: "DIRECTORY_NEWER",
    data: { format: 2, readable: 1 },
  });
  expect(await inspect(holding({ [markerName]: '{"format":1}' }))).toBe("ours");
});

test("a network file system is refused by its name, unless it is allowed", async () => {
  const disk = holding({});
  // SMB2, as a signed number: what some versions of Node give.
  disk.type = 0xfe534d42 | 0;
  const refused = { code: "DIRECTORY_REMOTE", data: { fileSystem: "SMB2" } };
  if (process.platform === "linux") await expect(inspect(disk)).rejects.toMatchObject(refused);
  expect(await inspect(disk, true)).toBe("empty");
});

test("directories are made with those above, each durable in the one that holds it", async () => {
  const disk = new FakeDisk();
  await makeDirectories(disk, directory);
  const synced = disk.calls.flatMap((call) => (call.kind === "syncDirectory" ? call.path : []));
  expect(synced).toEqual(["/", "/srv"]);
  await makeDirectories(disk, directory);
  expect(disk.calls.filter(({ kind }) => kind === "makeDirectory").length).toBe(2);
});

test("a parent that may not be read is no reason not to mark, any other failure is", async () => {
  const disk = holding({});
  const failing = (code: string) => (call: string, path: string) =>
    call === "syncDirectory" && path === "/srv" ? systemError(code) : undefined;
  disk.fault = failing("EIO");
  await expect(markDirectory(disk, directory, 0)).rejects.toMatchObject({ code: "EIO" });
  expect(await inspect(disk)).toBe("empty");
  disk.fault = failing("EACCES");
  await markDirectory(disk, directory, 0);
  expect(await inspect(disk)).toBe("ours");
});
