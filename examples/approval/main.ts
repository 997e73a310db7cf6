// Waiting for a person: an awakeable is an id to hand out, and a promise that whoever has the id
// settles, from outside, days later if need be. With a deadline, since people forget.
import { setTimeout as after } from "node:timers/promises";
import { Engine, isHoldfastError, service } from "holdfast";
import { data } from "../support.ts";

/** The manager's mail: what would be sent, with the id that the buttons in it answer to. */
const mail: { text: string; id: string }[] = [];

const expenses = service("Expenses", {
  async submit(ctx, { item, deadline }: { item: string; deadline: number }): Promise<string> {
    const approval = ctx.awakeable<boolean>();
    await ctx.run("ask the manager", () => {
      mail.push({ text: `Approve ${item}?`, id: approval.id });
    });
    try {
      const approved = await ctx.timeout(approval.promise, deadline);
      return approved ? `${item}: approved` : `${item}: declined`;
    } catch (error) {
      if (isHoldfastError(error, "TIMEOUT")) return `${item}: nobody answered in time`;
      throw error;
    }
  },
});

const engine = await Engine.open({ services: [expenses], data });

/** Submits, and waits for the question in the mail. */
async function submit(item: string, deadline = 60_000) {
  const expense = await engine.send(expenses).submit({ item, deadline });
  let question = mail.find(({ text }) => text.includes(item));
  while (question === undefined) {
    await after(10);
    question = mail.find(({ text }) => text.includes(item));
  }
  console.log(question.text);
  return { expense, answer: engine.awakeable(question.id) };
}

const chair = await submit("a chair");
await chair.answer.resolve(true);
console.log(await chair.expense.result());

const yacht = await submit("a yacht");
await yacht.answer.resolve(false);
console.log(await yacht.expense.result());

// Rejected: the handler's await throws a TerminalError, and so does the caller's.
const island = await submit("an island");
await island.answer.reject("you are not serious");
await island.expense.result().catch((error) => console.log(`an island: ${error.message}`));

const lamp = await submit("a lamp", 200);
console.log(await lamp.expense.result());

await engine.close();
