// Plays the manager, who approves, declines, refuses to answer and forgets.
import { setTimeout as after } from "node:timers/promises";
import { Engine } from "holdfast";
import { data } from "../support.ts";
import { expenses, mail } from "./expenses.ts";

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
