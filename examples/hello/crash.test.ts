// Hello survives any crash: the process dies at every commit and every record, and another goes on.

import { crashTest } from "holdfast/testing";
import { test } from "vitest";
import { greeter } from "./greeter.ts";

test("a greeting survives any crash", () =>
  crashTest({ services: [greeter], run: (client) => client.call(greeter).greet("Sarah") }));
