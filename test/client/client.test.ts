// One client or the other: what an engine's own verbs do in its process, holdfast/client does over
// HTTP, with the same values and the same errors. Without a server, on a clock that the test moves.
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { connect, ref } from "../../src/client/index.ts";
import { type Callable, type Client, handler, type Serde, service } from "../../src/index.ts";
import { TestEngine } from "../../src/testing/index.ts";
import { codeOf, later } from "../support/scenario.ts";
import { approval, counter, greeter, signup } from "../support/services.ts";

let awakeables: string[];
let engine: TestEngine;
let client: Client;

/** Bytes of its own, with a type of their own. */
const backwards: Serde = {
  contentType: "application/x-backwards",
  encode: (value) => ({
    base64: btoa([...String(value)].reverse().join("")),
    contentType: "application/x-backwards",
  }),
  decode: (payload) =>
    typeof payload === "object" && payload !== null
      ? [...atob(payload.base64)].reverse().join("")
      : undefined,
};
const spoken = service("Spoken", {
  twice: handler({ serde: backwards }, async (_ctx, text: string) => `${text} ${text}`),
});

describe.each(["in its process", "over HTTP"])("a client %s", (where) => {
  beforeEach(async () => {
    awakeables = [];
    const ask = approval((id) => awakeables.push(id));
    engine = await TestEngine.open({ services: [greeter, counter, signup, spoken, ask] });
    const ingress = engine.ingress();
    client =
      where === "in its process"
        ? engine
        : connect({
            url: "http://engine.example:8080/",
            fetch: (url, init) => ingress(new Request(url, init)),
          });
  });

  afterEach(() => engine.close());

  test("calls with types, keys and options", async () => {
    expect(await client.call(greeter).greet("Ada")).toBe("Hello, Ada");
    expect(await client.call(greeter).nothing()).toBeUndefined();
    const key = "ü/ %2F?#&";
    expect(await client.call(counter, key).add(2)).toBe(2);
    expect(await client.call(counter, key).key()).toBe(key);
    const once = { idempotencyKey: "k 1" };
    expect(await client.call(counter, "o", once).add(1)).toBe(1);
    expect(await client.call(counter, "o", once).add(1)).toBe(1);
    const headers = await client.call(greeter, { headers: { "X-By": "me" } }).headers();
    expect(headers).toMatchObject({ "x-by": "me" });
  });

  test.each([
    ["null", null],
    ["text", "ü\u2028\0"],
    ["nested", { __proto: [1, { a: "" }] }],
    ["empty text", ""],
  ])("values come back as they went: %s", async (_, value) => {
    expect(await client.call(greeter).echo(value)).toEqual(value);
  });

  test("bytes and values of another serde come back as they went", async () => {
    const bytes = Uint8Array.of(0, 255, 1);
    expect(await client.call(greeter).echo(bytes)).toEqual(bytes);
    expect(await client.call(greeter).echo(new Uint8Array(0))).toEqual(new Uint8Array(0));
    expect(await client.call(spoken).twice("abc")).toBe("abc abc");
  });

  test("sends, at once and later, and their results", async () => {
    const sent = await client.send(greeter).greet("Ada");
    expect(sent.id).toMatch(/^inv_1/);
    expect(await sent.result()).toBe("Hello, Ada");
    expect(await client.invocation(sent.id).result()).toBe("Hello, Ada");
    const delayed = await client.send(counter, "d", { delay: "1h" }).add(1);
    await engine.advance("59m");
    expect(await client.call(counter, "d").get()).toBe(0);
    await engine.advance("2m");
    expect(await delayed.result()).toBe(1);
  });

  test("a terminal error has its code, status, data, invocation and target", async () => {
    const input = { code: "SOLD OUT", status: 409, data: { left: 0 } };
    const sent = await client.send(greeter).refuse(input);
    const expected = {
      name: "TerminalError",
      ...input,
      message: "bad thing",
      terminal: true,
      invocation: sent.id,
      target: "Greeter/refuse",
    };
    await expect(sent.result()).rejects.toMatchObject(expected);
    await expect(client.call(greeter).refuse(input)).rejects.toMatchObject({
      ...expected,
      invocation: expect.stringMatching(/^inv_1/),
    });
  });

  test("what is refused has the same code", async () => {
    const id = "inv_1553EmTLdKub00P0H1LR9BIfnwT28FMMAf";
    expect(await codeOf(client.invocation(id).result())).toBe("INVOCATION_NOT_FOUND");
    expect(await codeOf(client.invocation("inv_x").result())).toBe("INVOCATION_ID_INVALID");
    const nobody = ref<Callable<"service", { greet(): Promise<void> }>>("service", "Nobody");
    expect(await codeOf(client.call(nobody).greet())).toBe("SERVICE_NOT_FOUND");
    const other = ref<Callable<"service", { nothere(): Promise<void> }>>("service", "Greeter");
    expect(await codeOf(client.call(other).nothere())).toBe("HANDLER_NOT_FOUND");
    const large = "x".repeat(5 * 1024 * 1024);
    expect(await codeOf(client.call(greeter).echo(large))).toBe("PAYLOAD_TOO_LARGE");
    expect(await codeOf(client.call(greeter).echo(new Date()))).toBe("VALUE_NOT_SERIALIZABLE");
    const run = { idempotencyKey: "k" };
    expect(await codeOf(client.call(signup, "k", run).run("x"))).toBe(
      "IDEMPOTENCY_KEY_NOT_ALLOWED",
    );
    const failed = client.call(greeter).fails();
    await expect(failed).rejects.toMatchObject({ code: "HANDLER_FAILED", status: 500 });
  });

  test("a workflow is started once, helped along and waited for", async () => {
    const sent = await client.send(signup, "u1").run("a@b");
    await expect(client.call(signup, "u1").run("a@b")).rejects.toMatchObject({
      code: "WORKFLOW_ALREADY_STARTED",
      data: { service: "Signup", key: "u1", id: sent.id },
    });
    expect((await client.send(signup, "u1").run("a@b")).id).toBe(sent.id);
    const run = client.workflow(signup, "u1");
    const result = run.result();
    await client.call(signup, "u1").verify("c0de");
    expect(await result).toBe("a@b c0de");
    expect(run.id).toBe(sent.id);
  });

  test("a run is cancelled by its workflow key", async () => {
    await client.send(signup, "u2").run("a@b");
    await engine.runUntilIdle();
    const run = client.workflow(signup, "u2");
    await run.cancel();
    await expect(run.result()).rejects.toMatchObject({ code: "CANCELLED", status: 409 });
  });

  test("awakeables are resolved and rejected, signals sent, invocations cancelled", async () => {
    const asking = ref<ReturnType<typeof approval>>("service", "Approval");
    const answers = [later(client.call(asking).ask()), later(client.call(asking).ask())];
    await engine.runUntilIdle();
    await client.awakeable(awakeables[0] as string).resolve({ ok: [1] });
    await client.awakeable(awakeables[1] as string).reject("no ü");
    expect(await answers[0]).toEqual({ ok: [1] });
    await expect(answers[1]).rejects.toMatchObject({ message: "no ü", code: "TERMINAL" });
    const signalled = await client.send(greeter).signalled();
    await client.signal(signalled.id, "go", "now");
    expect(await signalled.result()).toBe("now");
    const cancelled = await client.send(greeter).signalled();
    await engine.runUntilIdle();
    await cancelled.cancel();
    expect(await codeOf(cancelled.result())).toBe("CANCELLED");
    expect(await codeOf(client.awakeable("awk_x").resolve())).toBe("AWAKEABLE_ID_INVALID");
    expect(await codeOf(client.signal(signalled.id, "go"))).toBe("INVOCATION_NOT_FOUND");
  });

  test("waiting is given up by a signal", async () => {
    const enough = new AbortController();
    const call = later(client.call(greeter, { signal: enough.signal }).sleep("60s"));
    await engine.runUntilIdle();
    enough.abort(new Error("enough"));
    await expect(call).rejects.toThrow("enough");
    const late = client.call(greeter, { signal: enough.signal }).greet("Ada");
    await expect(late).rejects.toThrow("enough");
  });

  test("closed twice is closed once, and then it asks nothing", async () => {
    await client.close();
    await client.close();
    expect(await codeOf(client.call(greeter).greet("Ada"))).toBe("ENGINE_CLOSED");
  });
});
