// An agent: asks a model, does what it wants done, tells it what came of it, until it has an answer.
// Each model call and each tool call is a step, so that a crash in the middle of a long run repeats
// at most the one under way: what the finished ones gave is in the journal.
import { type WorkflowContext, workflow } from "holdfast";

export interface Message {
  readonly role: "user" | "model" | "tool";
  readonly text: string;
}

export interface ToolCall {
  readonly tool: string;
  readonly input: string;
}

/** Any model of any provider: what was said so far → what it says next, and what it wants done. */
export type Model = (messages: readonly Message[]) => Promise<Message & { calls: ToolCall[] }>;

export interface Tool {
  readonly name: string;
  readonly run: (input: string) => string | Promise<string>;
  /** Whether a person has to agree first. */
  readonly dangerous?: boolean;
}

interface State {
  /** What waits for a person, who answers by the id. */
  readonly question: { readonly id: string; readonly text: string } | null;
}

const state: State = { question: null };
const options = { state };

export function agentOf(model: Model, tools: readonly Tool[]) {
  async function use(ctx: WorkflowContext<State>, call: ToolCall): Promise<string> {
    const tool = tools.find(({ name }) => name === call.tool);
    if (tool === undefined) return `there is no tool ${call.tool}`;
    if (tool.dangerous) {
      const approval = ctx.awakeable<boolean>();
      ctx.set("question", { id: approval.id, text: `${tool.name} ${call.input}` });
      const approved = await approval.promise;
      ctx.clear("question");
      if (!approved) return "a person has declined this";
    }
    return ctx.run(tool.name, () => tool.run(call.input));
  }

  return workflow("Agent", options, {
    async run(ctx, task: string): Promise<string> {
      const messages: Message[] = [{ role: "user", text: task }];
      for (;;) {
        const { calls, ...reply } = await ctx.run("model", () => model(messages));
        messages.push(reply);
        if (calls.length === 0) return reply.text;
        for (const call of calls) messages.push({ role: "tool", text: await use(ctx, call) });
      }
    },

    async question(ctx) {
      return ctx.get("question");
    },
  });
}
