import { expect, test } from "vitest";
import type { Proposal } from "../model/proposal.ts";
import type { Tables } from "../partition/tables/tables.ts";
import type { Clock } from "../ports/clock.ts";
import type { Processor } from "./processor.ts";
import { TimerLoop } from "./timers.ts";

/** A wall clock that is put, and the one sleep that is asked of it. */
class PutClock implements Clock {
  wall = 1_000_000;
  asleep: { readonly ms: number; readonly then: () => void } | undefined;
  now = (): number => this.wall;
  monotonic = (): number => 0;
  nextTurn = (then: () => void): void => queueMicrotask(then);
  after(ms: number, then: () => void): { cancel(): void } {
    this.asleep = { ms, then };
    return { cancel: () => {} };
  }
}

function loopOver(dues: number[], clock: Clock): { loop: TimerLoop; fired: number[] } {
  const fired: number[] = [];
  const timers = {
    due: (now: number) => {
      const due = Math.min(...dues);
      return due <= now ? { due } : undefined;
    },
    next: () => (dues.length === 0 ? undefined : Math.min(...dues)),
  };
  const propose = ({ timer }: Extract<Proposal, { kind: "timerDue" }>): void => {
    fired.push(timer.due);
    dues.splice(dues.indexOf(timer.due), 1);
  };
  const tables = { timers } as unknown as Tables;
  return { loop: new TimerLoop(tables, clock, { propose } as unknown as Processor), fired };
}

test("a clock that was put forward is seen when the next timer is armed, not a sleep later", () => {
  const clock = new PutClock();
  const dues = [clock.wall + 3_000_000];
  const { loop, fired } = loopOver(dues, clock);
  loop.start();
  expect(clock.asleep?.ms).toBe(60_000);
  clock.wall += 3_600_000;
  dues.push(clock.wall + 10);
  loop.armed(clock.wall + 10);
  expect(clock.asleep?.ms).toBe(0);
  clock.asleep?.then();
  expect(fired).toEqual([4_000_000]);
  expect(clock.asleep?.ms).toBe(10);
});

test("sixty days are slept in parts, and nothing fires on the way", () => {
  const clock = new PutClock();
  const due = clock.wall + 60 * 86_400_000;
  const { loop, fired } = loopOver([due], clock);
  loop.start();
  for (let part = 0; part < 60 * 1440 && fired.length === 0; part++) {
    clock.wall += clock.asleep?.ms ?? 0;
    clock.asleep?.then();
  }
  expect([fired, clock.wall]).toEqual([[due], due]);
});
