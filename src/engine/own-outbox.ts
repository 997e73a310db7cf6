// Messages that a partition alone has for itself: those its partitions had for each other when it was
// several, moved here before they arrived. Taken in order, once, as from another partition (I7).
import type { Tables } from "../partition/tables/tables.ts";
import { ownOutbox } from "./move-records.ts";
import type { Processor } from "./processor.ts";

const pageRows = 256;

export function takeOwn({ outbox }: Tables, processor: Processor): void {
  for (;;) {
    const { accepted } = outbox.to(ownOutbox);
    const rows = outbox.read(ownOutbox, accepted, pageRows);
    if (rows.length === 0) return;
    for (const { seq, message } of rows) {
      processor.propose({ kind: "deliver", from: ownOutbox, seq, message });
      processor.propose({ kind: "accepted", to: ownOutbox, seq });
    }
  }
}
