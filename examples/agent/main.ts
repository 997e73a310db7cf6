// Gives the agent a task, and plays the person who is asked before something is deleted. Started
// again after a crash, it finds the run under way and waits for the same result.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as after } from "node:timers/promises";
import { Engine } from "holdfast";
import { data } from "../support.ts";
import { agentOf } from "./agent.ts";
import { effectsLog, model, tools } from "./script.ts";

const agent = agentOf(model, tools);
const engine = await Engine.open({ services: [agent], data: join(data, "engine") });

const run = await engine.send(agent, "backups").run("Delete backups older than a year.");
const result = run.result();

let answered = "";
while ((await Promise.race([result, after(20)])) === undefined) {
  const question = await engine.call(agent, "backups").question();
  if (question === null || question.id === answered) continue;
  console.log(`May I ${question.text}? Yes.`);
  await engine.awakeable(question.id).resolve(true);
  answered = question.id;
}

console.log(await result);
console.log(`\nWhat happened outside:\n${readFileSync(effectsLog, "utf8").trimEnd()}`);
await engine.close();
