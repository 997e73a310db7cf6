import { expect, test } from "vitest";
import { z } from "zod";
import {
  contract,
  handler,
  implement,
  object,
  promise,
  ref,
  service,
  shared,
  specOf,
  workflow,
} from "./definition.ts";
import { jsonSerde } from "./serde.ts";

const modes = (definition: unknown): unknown =>
  Object.fromEntries([...specOf(definition)!.handlers].map(([name, spec]) => [name, spec.mode]));

test("a definition is a frozen name, and shows nothing else", () => {
  const cart = object("Cart", { async add(_ctx) {} });
  expect(cart).toEqual({ kind: "object", name: "Cart" });
  expect(JSON.stringify(cart)).toBe('{"kind":"object","name":"Cart"}');
  expect(Object.isFrozen(cart)).toBe(true);
});

test("the kind and the way a handler is written decide its mode", () => {
  expect(modes(service("S", { async a(_ctx) {}, b: handler({}, async (_ctx) => {}) }))).toEqual({
    a: "plain",
    b: "plain",
  });
  expect(
    modes(
      object("O", {
        async a(_ctx) {},
        b: handler({}, async (_ctx) => {}),
        c: shared(async (_ctx) => {}),
      }),
    ),
  ).toEqual({ a: "exclusive", b: "exclusive", c: "shared" });
  expect(
    modes(
      workflow("W", {
        async run(_ctx) {},
        async b(_ctx) {},
        c: shared({ retention: 0 }, async (_ctx) => {}),
      }),
    ),
  ).toEqual({ run: "workflow", b: "shared", c: "shared" });
});

test("a handler says what it says, and where it says nothing its service does", () => {
  const input = z.string();
  const spec = specOf(
    service(
      "S",
      { retry: { attempts: 3, factor: 3 }, retention: "1d" },
      {
        async plain(_ctx) {},
        own: handler(
          {
            input,
            output: z.string(),
            serde: jsonSerde,
            abortTimeout: "1m",
            inputStable: false,
            retention: "all",
            retry: { attempts: 5, factor: undefined },
          },
          async (_ctx, text) => text,
        ),
      },
    ),
  )!;
  expect(spec.handlers.get("plain")).toMatchObject({
    retry: { attempts: 3, factor: 3 },
    retention: "1d",
    inputStable: true,
    input: undefined,
    abortTimeoutMs: undefined,
  });
  expect(spec.handlers.get("own")).toMatchObject({
    retry: { attempts: 5, factor: 3 },
    retention: "all",
    inputStable: false,
    input,
    serde: jsonSerde,
    abortTimeoutMs: 60_000,
  });
});

test("a handler has no `this`, however it is called", async () => {
  const spec = specOf(
    service("S", {
      async self(this: void) {
        return this as unknown;
      },
    }),
  )!.handlers.get("self")!;
  await expect(spec.fn({}, undefined)).resolves.toBeUndefined();
});

test("a handler's text is that of the function as it was written", () => {
  const spec = specOf(service("S", { a: handler({}, async (_ctx) => "told by its text") }))!;
  expect(spec.handlers.get("a")!.source).toContain("told by its text");
});

test("declared state is encoded once, declared promises are names", () => {
  const spec = specOf(
    workflow(
      "W",
      { state: { n: 0, list: ["a"] }, promises: { done: promise<string>() } },
      { async run(_ctx) {} },
    ),
  )!;
  expect([...spec.initialState!]).toEqual([
    ["n", "0"],
    ["list", '["a"]'],
  ]);
  expect(spec.handlers.get("run")!.initialState).toBe(spec.initialState);
  expect([...spec.promises!]).toEqual(["done"]);
  expect(specOf(service("S", {}))).toMatchObject({ initialState: undefined, promises: undefined });
});

test("a reference and a contract are targets without code", () => {
  const Counter = contract<{ get(): Promise<number> }>("object", "Counter");
  const counter = implement(Counter, { state: { n: 0 } }, { get: shared(async (c) => c.get("n")) });
  expect(Counter).toEqual({ kind: "object", name: "Counter" });
  expect(ref<typeof counter>("object", "Counter")).toEqual(Counter);
  expect([specOf(Counter), specOf(null), specOf("Counter")]).toEqual(new Array(3).fill(undefined));
  expect(modes(counter)).toEqual({ get: "shared" });
});

test.each([
  "",
  "_x",
  "-x",
  ".x",
  "a b",
  "a/b",
  "ü",
  "restate",
  "Restate.x",
  "holdfast.x",
  "x".repeat(257),
  5,
  undefined,
])("%j is no name of a service", (name) => {
  expect(() => service(name as string, {})).toThrow(
    expect.objectContaining({ code: "NAME_INVALID", terminal: true }),
  );
});

test.each(["a", "A.b-c_d", "2fa", "holdfast", "x".repeat(256)])("%j is a name", (name) => {
  expect(service(name, { [name]: async () => {} }).name).toBe(name);
});

test.each(["then", "toJSON", "_x", "restateIt"])("no handler is called %s", (name) => {
  const handlers = { [name]: async () => {} } as unknown as object;
  expect(() => service("S", handlers as Record<string, never>)).toThrow("is not allowed");
});

test.each([
  ["no function", () => service("S", { a: 5 as never }), "S/a is no handler"],
  ["nothing at all", () => handler({}, undefined as never), "A handler is a function"],
  [
    "a shared handler of a service",
    () => service("S", { a: shared(async () => {}) as never }),
    "S/a is shared",
  ],
  ["a shared run", () => workflow("W", { run: shared(async () => {}) as never }), "W/run runs"],
  ["a workflow without run", () => workflow("W", {} as never), 'no handler "run"'],
  [
    "a schema that is none",
    () => service("S", { a: handler({ input: {} as never }, async () => {}) }),
    "The input of S/a is no schema",
  ],
  ["state that is none", () => object("O", { state: 5 as never }, {}), "The state of O"],
  ["no attempts", () => service("S", { retry: { attempts: 0 } }, {}), "retry.attempts of S is 0"],
  [
    "a shrinking delay",
    () => service("S", { a: handler({ retry: { factor: 0.5 } }, async () => {}) }),
    "retry.factor of S/a is 0.5",
  ],
  [
    "an unknown end",
    () => service("S", { retry: { onExhausted: "x" as never } }, {}),
    "retry.onExhausted of S is x",
  ],
])("%s is a mistake of the program", (_, make, message) => {
  expect(make).toThrow(TypeError);
  expect(make).toThrow(message);
});

test("durations and initial values are checked when the program starts", () => {
  expect(() => service("S", { retention: "soon" as never }, {})).toThrow("soon");
  expect(() => service("S", { retry: { delay: "9" as never } }, {})).toThrow('"9"');
  expect(() => object("O", { state: { at: new Date() } }, {})).toThrow("a Date");
});
