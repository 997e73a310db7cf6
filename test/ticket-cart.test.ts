// The example this project exists to run, as a user runs it: its output is the seed's.
import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";

test("the ticket cart prints what the seed prints", () => {
  const output = execFileSync("npx", ["--no-install", "tsx", "examples/ticket-cart/main.ts"], {
    encoding: "utf8",
    env: { ...process.env, DATA: "memory" },
  });
  const lines = output.split("\n").filter((line) => line !== "");
  const rule = "=".repeat(40);
  expect(lines).toEqual([
    rule,
    "Ticket Cart Example (Restate-style)",
    rule,
    "📤 Scenario 1: Adding first ticket to cart...",
    "✅ Result: success=true",
    "📤 Scenario 2: Adding second ticket to same cart...",
    "✅ Result: success=true",
    "📤 Scenario 3: Trying to add already reserved ticket...",
    "✅ Result: success=false (expected: false)",
    rule,
    "✓ Test completed!",
    rule,
  ]);
});
