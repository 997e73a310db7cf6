// Lines of a structured logger: each that is about an invocation says which, and which attempt.
import { afterEach, expect, test } from "vitest";
import { Engine, handler, type Logger, memory, service } from "../../src/index.ts";

interface Line {
  readonly level: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

function recording(): { lines: Line[]; logger: Logger } {
  const lines: Line[] = [];
  const at =
    (level: string) =>
    (fields: object, message: string): void =>
      void lines.push({ level, fields: fields as Line["fields"], message });
  return {
    lines,
    logger: { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") },
  };
}

let tries = 0;
const chatty = service("Chatty", {
  talk: async (ctx, name: string) => {
    ctx.console.log("hello %s", name);
    await ctx.run(
      "flaky",
      () => {
        if (++tries < 2) throw new Error("not yet");
      },
      { retry: { delay: 1 } },
    );
    ctx.console.error("done");
    return name;
  },
  gives: handler({ retry: { attempts: 1 } }, async (): Promise<void> => {
    await Promise.resolve();
    throw new Error("no more");
  }),
});

let engine: Engine | undefined;
afterEach(async () => {
  await engine?.close();
});

test("what handlers print and what fails is a line with the invocation, its target and attempt", async () => {
  tries = 0;
  const { lines, logger } = recording();
  engine = await Engine.open({ services: [chatty], data: memory(), logger });
  const sent = await engine.send(chatty).talk("Ada");
  await sent.result();
  const about = { invocation: sent.id, target: "Chatty/talk", attempt: 1 };
  const of = lines.filter(({ fields }) => "invocation" in fields);
  expect(of.map(({ level, message }) => [level, message.slice(0, 30)])).toEqual([
    ["info", "hello Ada"],
    ["warn", expect.stringContaining('step "flaky"')],
    ["error", "done"],
  ]);
  for (const { fields } of of) expect(fields).toMatchObject(about);
  expect(of[1]?.fields).toMatchObject({ event: "stepFailed", step: "flaky", try: 1 });
  expect(lines[0]).toMatchObject({ level: "info", fields: { event: "started" } });
});

test("a failure for good is an error; onEvent is told besides; a logger that throws breaks nothing", async () => {
  const { lines, logger } = recording();
  const kinds: string[] = [];
  const onEvent = ({ kind }: { kind: string }): void => void kinds.push(kind);
  engine = await Engine.open({ services: [chatty], data: memory(), logger, onEvent });
  await expect(engine.call(chatty).gives()).rejects.toMatchObject({ code: "HANDLER_FAILED" });
  const failed = lines.find(({ fields }) => fields["event"] === "attemptFailed");
  expect(failed).toMatchObject({ level: "error", fields: { next: "fail", attempt: 1 } });
  expect(kinds).toContain("attemptFailed");
  await engine.close();

  const broken = {} as Logger;
  engine = await Engine.open({ services: [chatty], data: memory(), logger: broken });
  tries = 5;
  expect(await engine.call(chatty).talk("Bob")).toBe("Bob");
});
