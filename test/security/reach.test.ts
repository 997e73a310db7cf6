// Who may invoke what over HTTP, by what the definition says: everybody, who has a token, nobody.
import { afterEach, beforeEach, expect, test } from "vitest";
import { Engine, handler, memory, object, service } from "../../src/index.ts";

const open = service(
  "Open",
  { ingress: "public" },
  {
    ask: async () => "open",
    guarded: handler({ ingress: "token" }, async () => "guarded"),
  },
);
const guarded = object(
  "Guarded",
  { ingress: "token" },
  {
    async ask() {
      return "guarded";
    },
    status: handler({ ingress: "public" }, async () => "status"),
  },
);
const usual = service("Usual", {
  ask: async () => "usual",
  hidden: handler({ ingress: "private" }, async () => "hidden"),
});

const token = "a-token-of-some-length";
let engine: Engine;
beforeEach(async () => {
  engine = await Engine.open({ services: [open, guarded, usual], data: memory() });
});
afterEach(() => engine.close());

async function statuses(tokens: readonly string[], bearer?: string): Promise<number[]> {
  const ingress = engine.ingress(tokens.length === 0 ? {} : { tokens });
  const headers: Record<string, string> =
    bearer === undefined ? {} : { authorization: `Bearer ${bearer}` };
  const paths = [
    "/Open/ask",
    "/restate/call/Open/ask",
    "/Open/guarded",
    "/Guarded/k/ask",
    "/Guarded/k/ask/send",
    "/Guarded/k/status",
    "/Usual/ask",
    "/Usual/hidden",
  ];
  const answers = paths.map((path) =>
    ingress(new Request(`http://localhost${path}`, { method: "POST", headers })),
  );
  return (await Promise.all(answers)).map(({ status }) => status);
}

test("with a token all but what is private is there", async () => {
  expect(await statuses([token], token)).toEqual([200, 200, 200, 200, 202, 200, 200, 400]);
});

test("without one only what is public is, and a wrong one is none", async () => {
  const without = [200, 200, 401, 401, 401, 200, 401, 401];
  expect(await statuses([token])).toEqual(without);
  expect(await statuses([token], "another-token-of-length")).toEqual(without);
});

test("an ingress without tokens does not answer for what asks for one", async () => {
  expect(await statuses([])).toEqual([200, 200, 401, 401, 401, 200, 200, 400]);
  expect(await statuses([], token)).toEqual([200, 200, 401, 401, 401, 200, 200, 400]);
});

test("from inside there is no such border", async () => {
  expect(await engine.call(guarded, "k").ask()).toBe("guarded");
  expect(await engine.call(usual).hidden()).toBe("hidden");
});

test("what is known by its id is asked for with a token, whatever the handler", async () => {
  const { id } = await engine.send(open).ask();
  const ingress = engine.ingress({ tokens: [token] });
  for (const path of [`/restate/invocation/${id}/output`, "/restate/health", "/Nobody/ask"]) {
    expect((await ingress(new Request(`http://localhost${path}`))).status).toBe(401);
  }
});
