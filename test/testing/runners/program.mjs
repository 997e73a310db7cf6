// What the test of each test runner asks of the published package: a handler that sleeps, a failure
// matched by code, a crash test. Fake timers, where the runner has some, are on meanwhile.
import assert from "node:assert/strict";
import { isHoldfastError, service, TerminalError } from "holdfast";
import { crashTest, TestEngine } from "holdfast/testing";

const orders = service("Orders", {
  async place(ctx, amount) {
    const receipt = await ctx.run("charge", async () => `paid ${amount}`);
    await ctx.sleep("15m");
    return receipt;
  },
  async fail() {
    throw new TerminalError("no", { code: "NO" });
  },
});

export async function sleeps() {
  const engine = await TestEngine.open({ services: [orders] });
  const placed = engine.call(orders).place(3);
  await engine.advance("15m");
  assert.equal(await placed, "paid 3");
  const [effect] = engine.effects;
  assert.equal(effect.step, "charge");
  await engine.close();
}

export async function fails() {
  const engine = await TestEngine.open({ services: [orders] });
  const error = await engine
    .call(orders)
    .fail()
    .then(assert.fail, (thrown) => thrown);
  assert.equal(error.code, "NO");
  assert.ok(isHoldfastError(error, "NO"));
  await engine.close();
}

export async function crashes() {
  const run = (client) => client.call(orders).place(3);
  const { crashes: tried } = await crashTest({ services: [orders], run });
  assert.ok(tried > 8);
}
