// The bytes of records of format 1, which every later version must read and this one must write.
// A file here is never changed once it was released: a later format is files of its own. A kind
// that is new gets its file by running this once with GOLDEN=new.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { batchBytes, recordLine, recordsOf } from "../../src/codec/record.ts";
import type { Change, LogRecord } from "../../src/model/change.ts";
import type { CommandKind } from "../../src/model/entry.ts";
import { isHoldfastError } from "../../src/model/errors.ts";
import { arbitraryRecord, changes, commandChanges, commands, time } from "../support/changes.ts";

const runs = { numRuns: 500, seed: 1 };
const first = 40;

/** What each file holds: a record of each change alone, and one of all of them. */
const files: readonly (readonly [name: string, LogRecord[]])[] = [
  ...Object.entries(changes).map(([kind, some]) => [kebab(kind), recordsWith(some)] as const),
  ...(Object.keys(commands) as CommandKind[]).map((kind) => {
    return [`command-${kebab(kind)}`, recordsWith(commandChanges(kind))] as const;
  }),
];

function recordsWith(some: readonly Change[]): LogRecord[] {
  const alone = some.map((change) => ({ time, changes: [change] }));
  return some.length > 1 ? [...alone, { time, changes: some }] : alone;
}

function kebab(kind: string): string {
  return kind.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function written(records: readonly LogRecord[]): Uint8Array {
  return batchBytes(records.map((record) => recordLine(record.time, record.changes)));
}

function golden(name: string, bytes: Uint8Array): Buffer {
  const path = new URL(`record.v1.${name}.hex`, import.meta.url);
  if (process.env["GOLDEN"] === "new" && !existsSync(path)) {
    const lines =
      Buffer.from(bytes)
        .toString("hex")
        .match(/.{1,96}/g) ?? [];
    const about = `# A batch of format 1: ${name}. Never changed.`;
    writeFileSync(path, `${[about, ...lines].join("\n")}\n`);
  }
  const lines = readFileSync(path, "utf8").split("\n");
  return Buffer.from(lines.filter((line) => !line.startsWith("#")).join(""), "hex");
}

describe.each(files)("%s", (name, records) => {
  test("is written as these bytes", () => {
    const bytes = written(records);
    expect(Buffer.from(bytes).toString()).toBe(golden(name, bytes).toString());
  });

  test("is read from them", () => {
    expect(recordsOf(golden(name, written(records)), first)).toEqual(records);
  });
});

test("every kind has an example line in the documentation, and it is one that is written", () => {
  const page = readFileSync(new URL("../../docs/changelog-format.md", import.meta.url), "utf8");
  const lines = new Set(page.match(/(?<=^\[1800000000123,).*(?=\]$)/gm) ?? []);
  const undocumented = files.filter(([, records]) => {
    return !records.some(({ changes: some }) => lines.has(recordLine(0, some).slice(3, -1)));
  });
  expect(undocumented.map(([name]) => name)).toEqual([]);
  for (const line of lines) recordsOf(batchBytes([`[${time},${line}]`]), first);
});

test("any batch is read as it was written", () => {
  fc.assert(
    fc.property(fc.array(arbitraryRecord, { minLength: 1, maxLength: 4 }), (records) => {
      const bytes = written(records);
      const read = recordsOf(bytes, first);
      expect(read).toEqual(records);
      expect(written(read)).toEqual(bytes);
    }),
    runs,
  );
});

/** A change list, or the one refusal there is; whatever else is thrown fails the test. */
function readOrRefused(bytes: Uint8Array): "read" | "refused" {
  try {
    for (const { time: at, changes: some } of recordsOf(bytes, first)) {
      expect(typeof at).toBe("number");
      for (const change of some) expect(Object.keys(changes)).toContain(change.kind);
    }
    return "read";
  } catch (error) {
    if (!isHoldfastError(error, "RECORD_UNREADABLE")) throw error;
    return "refused";
  }
}

test("arbitrary bytes are refused or read, and nothing else happens", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, headed) => {
      readOrRefused(headed ? Buffer.concat([Buffer.from("1\n"), bytes]) : bytes);
    }),
    runs,
  );
});

test("arbitrary JSON is refused or read, and nothing else happens", () => {
  fc.assert(
    fc.property(
      fc.array(fc.jsonValue({ maxDepth: 3 })),
      fc.constantFrom(..."cnisf"),
      (some, of) => {
        readOrRefused(batchBytes([JSON.stringify(some)]));
        readOrRefused(batchBytes([JSON.stringify([time, ...some])]));
        readOrRefused(batchBytes([JSON.stringify([time, [of, ...some]])]));
      },
    ),
    runs,
  );
});

test("a batch with bytes changed, lost or put in is refused or read", () => {
  const counts = { read: 0, refused: 0 };
  const edit = fc.tuple(fc.nat(), fc.nat(3), fc.uint8Array({ maxLength: 3 }));
  fc.assert(
    fc.property(
      fc.constantFrom(...files),
      fc.array(edit, { minLength: 1, maxLength: 4 }),
      ([, records], edits) => {
        let bytes = Buffer.from(written(records));
        for (const [where, lost, added] of edits) {
          const at = where % (bytes.length + 1);
          bytes = Buffer.concat([bytes.subarray(0, at), added, bytes.subarray(at + lost)]);
        }
        counts[readOrRefused(bytes)] += 1;
      },
    ),
    { ...runs, numRuns: 2000 },
  );
  expect(counts.read).toBeGreaterThan(20);
  expect(counts.refused).toBeGreaterThan(200);
});

test("a batch of a later format is refused, and says so", () => {
  const bytes = Buffer.from('2\n[0,{"kind":"purged","n":5}]');
  expect(() => recordsOf(bytes, first)).toThrow(/position 40 has format 2; this version reads 1/);
});
