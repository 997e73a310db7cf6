import { expect, test } from "vitest";
import { nearest } from "./nearest.ts";

const known = ["port", "adminPort", "data", "resume"];

test.each([
  ["prot", "port"],
  ["adminport", "adminPort"],
  ["dta", "data"],
  ["resum", "resume"],
  ["resmue", "resume"],
])("%s was meant to be %s", (word, meant) => {
  expect(nearest(word, known)).toBe(meant);
});

test.each(["", "x", "backup", "a very long text that is none of them"])(
  "%s is nothing known",
  (word) => {
    expect(nearest(word, known)).toBeUndefined();
  },
);
