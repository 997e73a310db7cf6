// An agent comes to its answer whatever crashes, and asks before it deletes.

import { crashTest } from "holdfast/testing";
import { expect, test } from "vitest";
import { agentOf, type Model } from "./agent.ts";

const model: Model = async (messages) => {
  if (messages.length > 1) return { role: "model", text: "done", calls: [] };
  return { role: "model", text: "deleting", calls: [{ tool: "delete", input: "2019.tar" }] };
};
const agent = agentOf(model, [{ name: "delete", dangerous: true, run: () => "deleted" }]);

test("an agent that asks a person survives any crash", () =>
  crashTest({
    services: [agent],
    async run(client) {
      const run = await client.send(agent, "backups").run("Delete old backups.");
      let question = await client.call(agent, "backups").question();
      while (question === null) {
        await client.advance("1s");
        question = await client.call(agent, "backups").question();
      }
      expect(question.text).toBe("delete 2019.tar");
      await client.awakeable(question.id).resolve(true);
      return run.result();
    },
  }));
