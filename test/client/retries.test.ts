// When the client asks again, and what it makes of answers that no engine of ours gave.
import { describe, expect, test } from "vitest";
import { connect, type OptionsByUrl } from "../../src/client/index.ts";
import type { Client } from "../../src/index.ts";
import { codeOf, later } from "../support/scenario.ts";
import { counter, greeter, signup } from "../support/services.ts";

/** A server that gives these answers in turn, and the requests it has seen. */
function scripted(answers: readonly (() => Response)[], options: Partial<OptionsByUrl> = {}) {
  const seen: { readonly path: string; readonly headers: Headers }[] = [];
  const client = connect({
    url: "http://engine.example/api",
    retry: { delay: 1, maxDelay: 1 },
    fetch: async (url, init) => {
      seen.push({ path: new URL(url).pathname, headers: new Headers(init.headers) });
      const answer = answers[Math.min(seen.length, answers.length) - 1];
      return (answer as () => Response)();
    },
    ...options,
  });
  return { seen, client };
}

const lost = (): Response => {
  throw new TypeError("fetch failed");
};
const status = (code: number) => (): Response => new Response("<html>", { status: code });
const ok = (): Response => Response.json("done", { headers: { "x-restate-id": "inv_1" } });
const accepted = (): Response => Response.json({ invocationId: "inv_1" }, { status: 202 });

type Ask = (client: Client) => Promise<unknown>;
const safe: readonly (readonly [string, Ask, () => Response])[] = [
  ["a call with a key", (c) => c.call(counter, "k", { idempotencyKey: "i" }).add(1), ok],
  ["a send with a key", (c) => c.send(counter, "k", { idempotencyKey: "i" }).add(1), accepted],
  ["the start of a workflow", (c) => c.send(signup, "u").run("x"), accepted],
  ["waiting for a result", (c) => c.invocation("inv_1").result(), ok],
  ["waiting for a run", (c) => c.workflow(signup, "u").result(), ok],
  ["a cancellation", (c) => c.invocation("inv_1").cancel(), accepted],
  ["an awakeable's value", (c) => c.awakeable("awk_1").resolve(1), accepted],
];
const unsafe: readonly (readonly [string, Ask])[] = [
  ["a call", (c) => c.call(counter, "k").add(1)],
  ["a send", (c) => c.send(counter, "k").add(1)],
  ["a handler of a workflow", (c) => c.send(signup, "u").verify("x")],
  ["a signal", (c) => c.signal("inv_1", "go", 1)],
];

describe("what changes nothing when it is repeated is asked again", () => {
  test.each(safe)("%s, after each kind of failure in between", async (_, ask, end) => {
    const { client, seen } = scripted([lost, status(502), status(429), status(503), end]);
    await ask(client);
    expect(seen).toHaveLength(5);
  });

  test("until the tries are used up", async () => {
    const { client, seen } = scripted([lost]);
    expect(await codeOf(client.invocation("inv_1").result())).toBe("SERVER_UNREACHABLE");
    expect(seen).toHaveLength(6);
    const one = scripted([lost], { retry: { attempts: 1 } });
    expect(await codeOf(one.client.invocation("inv_1").result())).toBe("SERVER_UNREACHABLE");
    expect(one.seen).toHaveLength(1);
  });

  test("but not when it is final: an invocation's own error, or a refusal", async () => {
    const own = (): Response =>
      Response.json(
        { code: 503, message: "closed for today", source: "invocation" },
        { status: 503, headers: { "x-restate-error-source": "invocation" } },
      );
    const { client, seen } = scripted([own]);
    const result = client.invocation("inv_1").result();
    await expect(result).rejects.toMatchObject({ message: "closed for today", status: 503 });
    expect(seen).toHaveLength(1);
    const refused = scripted([status(400)]);
    expect(await codeOf(refused.client.invocation("i").result())).toBe("RESPONSE_INVALID");
    expect(refused.seen).toHaveLength(1);
  });

  test("and not once the client is closed", async () => {
    const { client, seen } = scripted([lost], { retry: { delay: "1h", maxDelay: "1h" } });
    const result = later(client.invocation("inv_1").result());
    await new Promise<void>((resolve) => setImmediate(resolve));
    expect(seen).toHaveLength(1);
    await client.close();
    expect(await codeOf(result)).toBe("ENGINE_CLOSED");
  });

  test("after as long as the server asks for", async () => {
    const wait = (): Response => new Response("", { status: 503, headers: { "retry-after": "0" } });
    const { client, seen } = scripted([wait, ok], { retry: { delay: "1h", maxDelay: "1h" } });
    expect(await client.invocation("inv_1").result()).toBe("done");
    expect(seen).toHaveLength(2);
  });
});

describe("what may have taken effect is asked once", () => {
  test.each(unsafe)("%s", async (_, ask) => {
    for (const failure of [lost, status(503)]) {
      const { client, seen } = scripted([failure]);
      expect(await codeOf(ask(client))).toMatch(/^(SERVER_UNREACHABLE|RESPONSE_INVALID)$/);
      expect(seen).toHaveLength(1);
    }
  });
});

test("the url's path, the token and headers that are asked for each time are sent", async () => {
  let n = 0;
  const { client, seen } = scripted([ok], {
    token: "a-token-of-some-length",
    headers: async () => ({ "x-n": String(++n) }),
  });
  await client.call(greeter).greet("a");
  await client.call(greeter).greet("b");
  expect(seen.map(({ path }) => path)).toEqual(Array(2).fill("/api/Greeter/greet"));
  expect(seen.map(({ headers }) => headers.get("x-n"))).toEqual(["1", "2"]);
  expect(seen[0]?.headers.get("authorization")).toBe("Bearer a-token-of-some-length");
});

test.each([502, 404, 301])("an answer of somebody else's with status %i says so", async (code) => {
  const { client } = scripted([status(code)]);
  const call = client.call(greeter).greet("a");
  await expect(call).rejects.toMatchObject({ code: "RESPONSE_INVALID", data: { status: code } });
});

test("what HTTP cannot carry is refused before it is sent", async () => {
  const { client, seen } = scripted([ok]);
  for (const key of [".", ".."]) {
    expect(await codeOf(client.call(counter, key).get())).toBe("KEY_INVALID");
  }
  const umlaut = client.call(greeter, { idempotencyKey: "ü" }).greet("a");
  expect(await codeOf(umlaut)).toBe("IDEMPOTENCY_KEY_INVALID");
  expect(seen).toHaveLength(0);
});

test.each(["", "engine.example", "ftp://x", "http://", "http://x?y=1"])(
  "%j is no url to connect to",
  (url) => {
    expect(() => connect({ url })).toThrow(TypeError);
  },
);

test("the id of a run is not known before the server has said it", async () => {
  const { client } = scripted([ok]);
  const run = client.workflow(signup, "u");
  expect(() => run.id).toThrow("not known yet");
  await run.result();
  expect(run.id).toBe("inv_1");
});
