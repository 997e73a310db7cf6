// Every code of a request or a handler is provoked by a test, and every rule has one of its name.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { handlerErrorCodes } from "../../src/model/error-codes-handler.ts";
import { requestErrorCodes } from "../../src/model/error-codes-request.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

const texts = ["src", "test"].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".test.ts") && !path.endsWith("codes.test.ts"))
    .map((path) => readFileSync(join(root, folder, path), "utf8")),
);

test("every code of a request or a handler is provoked by a test", () => {
  const codes = [...Object.keys(requestErrorCodes), ...Object.keys(handlerErrorCodes)];
  const missing = codes.filter((code) => !texts.some((text) => text.includes(`"${code}"`)));
  expect(missing).toEqual([]);
});

test("every rule from R1 to R21 has a test of its name", () => {
  const rules = Array.from({ length: 21 }, (_, i) => `R${i + 1}`);
  const missing = rules.filter((rule) => !texts.some((text) => text.includes(`${rule}: `)));
  expect(missing).toEqual([]);
});
