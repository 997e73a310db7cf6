import fc from "fast-check";
import { expect, test } from "vitest";

import {
  completedRow,
  entriesFrom,
  fullInvocationRow,
  invocationRow,
} from "../testing/conformance/cold-rows.ts";
import {
  decodeEntries,
  decodeInvocation,
  decodePayload,
  decodeText,
  encodeEntries,
  encodeInvocation,
  encodePayload,
  encodeText,
  failureCodeOf,
  joinEntries,
} from "./row.ts";

test("of a small invocation only what differs is kept", () => {
  const incarnation = "inc0000000000000000007";
  expect(JSON.parse(encodeInvocation(invocationRow(7)))).toEqual({
    ...{ incarnation, at: 7, input: '"TICKET-1"' },
  });
});

test("every field comes back, and a field this version does not know is ignored", () => {
  const row = fullInvocationRow(7);
  const text = encodeInvocation(row).replace(/^\{/, '{"later":1,');
  expect(decodeInvocation(row, text)).toEqual(row);
});

test("a failure's code is that of the result, else of the pause, else of the last attempt", () => {
  const failure = (code: string) => ({ code, message: "", status: 500 });
  const lastFailure = failure("LAST");
  const pause = { failure: failure("PAUSE"), awaitsRevision: false, revisions: [] };
  expect(failureCodeOf(invocationRow(1))).toBe(null);
  expect(failureCodeOf(invocationRow(1, { lastFailure }))).toBe("LAST");
  expect(failureCodeOf(invocationRow(1, { lastFailure, pause }))).toBe("PAUSE");
  expect(failureCodeOf(completedRow(1, null, { lastFailure, pause }))).toBe(null);
  expect(failureCodeOf(completedRow(1, null, { result: { failure: failure("END") } }))).toBe("END");
});

test("stretches of a journal are joined as if they had been one", () => {
  const parts = [entriesFrom(0, 2), [], entriesFrom(2, 1), entriesFrom(3, 4)];
  expect(decodeEntries(joinEntries(parts.map(encodeEntries)))).toEqual(entriesFrom(0, 7));
  expect(joinEntries([])).toBe("[]");
  expect(joinEntries(["[]", "[]"])).toBe("[]");
});

/** Any UTF-16 at all, NUL, the escape and halves of surrogate pairs more often than chance. */
const anyText = fc
  .array(fc.oneof(fc.integer({ min: 0, max: 0xffff }), fc.constantFrom(0, 1, 0xd800, 0xdc00, 34)))
  .map((units) => String.fromCharCode(...units));

test("any text survives a column that keeps UTF-8 up to the first NUL, and no two collide", () => {
  const throughColumn = (cell: string): string =>
    new TextDecoder().decode(new TextEncoder().encode(cell)).split("\0")[0] ?? "";
  fc.assert(
    fc.property(anyText, (text) => {
      const cell = throughColumn(encodeText(text));
      expect(decodeText(cell)).toBe(text);
      expect(decodePayload(throughColumn(encodePayload(text) ?? ""))).toBe(text);
    }),
    { seed: 7 },
  );
  expect(encodeText("plain 😀")).toBe("plain 😀");
});

test("bytes and no value are payloads of their own", () => {
  const bytes = { base64: "AAE=", contentType: "text/plain" };
  expect(decodePayload(encodePayload(bytes))).toEqual(bytes);
  expect(encodePayload(null)).toBe(null);
  expect(decodePayload(null)).toBe(null);
  expect(decodePayload(encodePayload(""))).toBe("");
});
