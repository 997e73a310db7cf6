import { expect, test } from "vitest";
import { deferred } from "./deferred.ts";

test("it is settled from outside, once", async () => {
  const a = deferred<number>();
  a.resolve(1);
  a.reject(new Error("late"));
  await expect(a.promise).resolves.toBe(1);
  const b = deferred();
  b.reject(new Error("no"));
  await expect(b.promise).rejects.toThrow("no");
});
