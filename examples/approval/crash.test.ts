// The question is asked and its answer heard, whatever crashes while the manager thinks.

import { type CrashClient, crashTest } from "holdfast/testing";
import { expect, test } from "vitest";
import { expenses, mail } from "./expenses.ts";

async function submit(client: CrashClient, item: string) {
  const expense = await client.send(expenses).submit({ item, deadline: 60_000 });
  while (mail.length === 0) await client.advance("1s");
  return { expense, answer: client.awakeable(mail[0]?.id ?? "") };
}

const before = () => void mail.splice(0);

test("an approval survives any crash", () =>
  crashTest({
    services: [expenses],
    before,
    async run(client) {
      const { expense, answer } = await submit(client, "a chair");
      await answer.resolve(true);
      expect(await expense.result()).toBe("a chair: approved");
    },
  }));

test("a question that nobody answers survives any crash", () =>
  crashTest({
    services: [expenses],
    before,
    async run(client) {
      const { expense } = await submit(client, "a lamp");
      expect(await expense.result()).toBe("a lamp: nobody answered in time");
    },
  }));
