import { expect, test } from "vitest";
import { z } from "zod";
import { type Schema, validate } from "./schema.ts";

const ticket = z.object({ id: z.string(), tags: z.array(z.object({ n: z.coerce.number() })) });

test("what the schema makes of a value is handed on, at once where it can be", () => {
  expect(validate(ticket, { id: "a", tags: [{ n: "1" }] })).toEqual({ id: "a", tags: [{ n: 1 }] });
});

test("a refused input names each place and is the caller's fault", () => {
  expect(() => validate(ticket, { id: 1, tags: [{ n: 1 }, { n: "x" }] })).toThrow(
    expect.objectContaining({
      code: "INPUT_INVALID",
      status: 400,
      terminal: true,
      message: expect.stringMatching(/at id: .*; at tags\[1\]\.n: /) as unknown,
      data: {
        issues: [
          { path: "id", message: expect.any(String) as unknown },
          { path: "tags[1].n", message: expect.any(String) as unknown },
        ],
      },
    }),
  );
});

test("a refused output is the handler's fault", () => {
  expect(() => validate(z.string(), 1, "output")).toThrow(
    expect.objectContaining({ code: "OUTPUT_INVALID", status: 500, terminal: true }),
  );
});

test("of many issues the message lists the first", () => {
  const many = z.array(z.string());
  expect(() => validate(many, [1, 2, 3, 4, 5, 6, 7])).toThrow(/at \[4\]: [^;]*; and 2 more\.$/);
});

test("an asynchronous schema gives a native promise, whatever it returns itself", async () => {
  const asynchronous = z.string().refine((text) => Promise.resolve(text === "a"));
  const valid = validate(asynchronous, "a");
  expect(valid).toBeInstanceOf(Promise);
  await expect(valid).resolves.toBe("a");
  await expect(validate(asynchronous, "b")).rejects.toHaveProperty("code", "INPUT_INVALID");
  const thenable = { then: (done: (v: { value: number }) => void) => done({ value: 1 }) };
  const foreign = { "~standard": { version: 1, vendor: "x", validate: () => thenable } };
  await expect(validate(foreign as unknown as Schema, 0)).resolves.toBe(1);
});

test("paths may hold segments, symbols and names that need quotes", () => {
  const issues = [{ message: "no", path: [{ key: "a b" }, Symbol("s"), "ü", 0] }, { message: "m" }];
  const standard = { version: 1, vendor: "x", validate: () => ({ issues }) } as const;
  expect(() => validate({ "~standard": standard }, 0)).toThrow(
    'at ["a b"][Symbol(s)].ü[0]: no; m.',
  );
});
