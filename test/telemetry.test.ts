// docs/telemetry.md is held against the union it describes: the same events, with the same fields.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { expect, test } from "vitest";
import { eventLine } from "../src/engine/event-line.ts";
import type { EngineEvent } from "../src/engine/events.ts";

const read = (path: string): string => {
  return readFileSync(fileURLToPath(new URL(`../${path}`, import.meta.url)), "utf8");
};

/** Kind → fields, as the union declares them. */
function declared(): Map<string, string[]> {
  const path = "src/engine/events.ts";
  const tree = ts.createSourceFile(path, read(path), ts.ScriptTarget.ES2022, true);
  const found = new Map<string, string[]>();
  const visit = (node: ts.Node): void => {
    if (ts.isTypeLiteralNode(node)) {
      const names = node.members.map((member) => member.name!.getText(tree));
      const kind = node.members.find((member) => member.name!.getText(tree) === "kind")!;
      const literal = (kind as ts.PropertySignature).type!.getText(tree);
      const fields = names.filter((name) => name !== "kind");
      found.set(literal.slice(1, -1), fields);
      return;
    }
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return found;
}

interface Row {
  readonly kind: string;
  readonly line: boolean;
  readonly fields: string[];
}

function documented(): Row[] {
  const [, events = ""] = read("docs/telemetry.md").split(/^## /m);
  const rows = events.matchAll(/^\| `(\w+)`( ●)? \| ([^|]*) \|/gm);
  return [...rows].map(([, kind = "", line, fields = ""]) => {
    const names = [...fields.matchAll(/`(\w+)`/g)].map(([, name = ""]) => name);
    return { kind, line: line !== undefined, fields: names };
  });
}

test("every event is documented with its fields, and none that is not there", () => {
  const page = new Map(documented().map(({ kind, fields }) => [kind, fields]));
  expect(Object.fromEntries(page)).toEqual(Object.fromEntries(declared()));
});

test("the events marked as lines are those that are written", () => {
  for (const { kind, line, fields } of documented()) {
    const values = fields.map((field) => [field, field === "stopped" ? true : []] as const);
    const event = { kind, ...Object.fromEntries(values) } as unknown as EngineEvent;
    expect(eventLine(event) !== undefined, kind).toBe(line);
  }
});
