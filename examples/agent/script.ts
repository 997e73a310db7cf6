// What the agent has to do with here: a model that follows a script, two tools, and a log of all
// that happened outside the journal, line by line.
import { appendFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { data } from "../support.ts";
import type { Model, Tool } from "./agent.ts";

mkdirSync(data, { recursive: true });
export const effectsLog = join(data, "effects.log");

/** With CRASH=n this process is gone, as by kill -9, when its n-th effect is about to happen. */
let crashIn = Number(process.env["CRASH"] ?? 0);

function effect(text: string): void {
  crashIn -= 1;
  if (crashIn === 0) process.kill(process.pid, "SIGKILL");
  appendFileSync(effectsLog, `${text}\n`);
}

const replies = [
  { text: "Let me see what there is.", calls: [{ tool: "list", input: "backups" }] },
  { text: "One is old.", calls: [{ tool: "delete", input: "backups/2019.tar" }] },
  { text: "Deleted 2019.tar, kept 2025.tar.", calls: [] },
];

export const model: Model = async (messages) => {
  const turn = messages.filter(({ role }) => role === "model").length;
  effect(`model: turn ${turn + 1}, knowing ${messages.length} messages`);
  return { role: "model", ...(replies[turn] ?? { text: "I am lost.", calls: [] }) };
};

export const tools: readonly Tool[] = [
  {
    name: "list",
    run: (folder) => {
      effect(`tool: list ${folder}`);
      return "2019.tar 2025.tar";
    },
  },
  {
    name: "delete",
    dangerous: true,
    run: (file) => {
      effect(`tool: delete ${file}`);
      return "deleted";
    },
  },
];
