import { expect, test } from "vitest";
import { registered } from "./app-record.ts";

const record = (app: string) => ({ app, partitions: 1, secret: "s", services: [] });

test("an app whose ids could not be told from another's is refused by its name", () => {
  const one = registered([], record("app-65"));
  expect(() => registered(one, record("app-202"))).toThrow(
    expect.objectContaining({ code: "NAME_INVALID", data: { app: "app-202", like: "app-65" } }),
  );
  expect(registered(one, record("app-66")).map(({ app }) => app)).toEqual(["app-65", "app-66"]);
});
