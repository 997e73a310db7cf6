// Conformance of cold tables: the outbox, and the ways to and from other partitions.
import type { LineRow, MessageRow } from "../../model/message.ts";
import type { Suite } from "./cold-suite.ts";

function line(name: string, at: number, sent: number, accepted: number): LineRow {
  return { name, at, sent, accepted };
}

function message(to: string, seq: number): MessageRow {
  return { to, seq, at: 10 + seq, message: { kind: "cancel", id: `inv_${seq} "\ud800"` } };
}

export function outboxTests({ on, expect }: Suite): void {
  on(
    "messages wait in the order of their numbers, per destination, and are paged",
    (table, write) => {
      expect(table.messages("a/0", 0, 10)).toEqual([]);
      write({
        messages: [message("a/0", 1), message("b/0", 1), message("a/0", 2), message("a/0", 10)],
        lines: [line(">a/0", 20, 10, 0), line(">b/0", 11, 1, 0)],
      });
      write({ position: 2, messages: [message("a/0", 11)], lines: [line(">a/0", 21, 11, 0)] });
      const all = [1, 2, 10, 11].map((seq) => message("a/0", seq));
      expect(table.messages("a/0", 0, 10)).toEqual(all);
      expect(table.messages("a/0", 1, 2)).toEqual(all.slice(1, 3));
      expect(table.messages("a/0", 11, 10)).toEqual([]);
      expect(table.messages("b/0", 0, 10)).toEqual([message("b/0", 1)]);
    },
  );

  on("what a destination has accepted leaves, and nothing else", (table, write) => {
    write({
      messages: [1, 2, 3].flatMap((seq) => [message("a/0", seq), message("b/0", seq)]),
      lines: [line(">a/0", 13, 3, 1), line(">b/0", 13, 3, 0)],
    });
    expect(table.messages("a/0", 0, 10).map(({ seq }) => seq)).toEqual([2, 3]);
    write({ position: 2, lines: [line(">a/0", 14, 3, 3), line("<b/0", 14, 0, 3)] });
    expect(table.messages("a/0", 0, 10)).toEqual([]);
    expect(table.messages("b/0", 0, 10).map(({ seq }) => seq)).toEqual([1, 2, 3]);
  });

  on("lines are kept, one per way, as they were last", (table, write) => {
    expect(table.lines()).toEqual([]);
    write({ lines: [line("<x/1/l", 1, 0, 4), line(">x/1", 1, 2, 0)] });
    write({ position: 2, lines: [line("<x/1/l", 2, 0, 5)] });
    const names = [...table.lines()].sort((a, b) => (a.name < b.name ? -1 : 1));
    expect(names).toEqual([line("<x/1/l", 2, 0, 5), line(">x/1", 1, 2, 0)]);
  });
}
