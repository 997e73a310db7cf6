// A sign-up waits for its code across any crash, and runs once.

import { crashTest } from "holdfast/testing";
import { expect, test, vi } from "vitest";
import { signup } from "./signup.ts";

test("a sign-up survives any crash", () =>
  crashTest({
    services: [signup],
    before: () => void vi.spyOn(console, "log").mockReturnValue(),
    async run(client) {
      const run = await client.send(signup, "sarah").run("sarah@example.com");
      const sarah = client.call(signup, "sarah");
      while ((await sarah.status()) !== "waiting for the code") await client.advance("1s");
      expect(await sarah.verify({ code: "0000", device: "phone" })).toBe(false);
      expect(await sarah.verify({ code: "4711", device: "phone" })).toBe(true);
      return run.result();
    },
  }));
