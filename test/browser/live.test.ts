// The live page of `holdfast dev` as a person sees it: in a browser, with a mouse.
import { createServer } from "node:net";
import type { Browser, Locator, Page } from "playwright-core";
import { afterAll, beforeAll, expect } from "vitest";
import { browserTest, launch } from "../support/chromium.ts";
import { CliFolder, type Started } from "../support/cli.ts";

const app = `import { service } from "holdfast";
export const desk = service("Desk", {
  async greet(_ctx, name: string): Promise<string> { return "Hello, " + name; },
  async asks(ctx): Promise<unknown> {
    await ctx.run("look up", () => "a step's value");
    const answer = ctx.awakeable<string>();
    await ctx.run("tell", () => answer.id);
    return answer.promise;
  },
  async fails(ctx): Promise<void> {
    await ctx.run("send the mail", () => { throw new Error("connection refused"); });
  },
});
`;

/** The process that is killed comes back at its old address only where the ports are given. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const test = browserTest("the live page");
let folder: CliFolder;
let dev: Started;
let browser: Browser;
let page: Page;
let ingress: string;
const complaints: string[] = [];

const row = (text: string): Locator => page.locator("#rows tr", { hasText: text }).first();
const press = (name: string): Promise<void> => page.locator(`[data-action="${name}"]`).click();

/** Waits until the part of the page has the text; the runner's limit ends a wait for ever. */
const shows = (where: Locator, text: string): Promise<void> =>
  where.filter({ hasText: text }).first().waitFor({ timeout: 20_000 });

async function send(handler: string, input?: string): Promise<string> {
  const body = input === undefined ? {} : { body: JSON.stringify(input) };
  const headers = input === undefined ? {} : { "content-type": "application/json" };
  const options = { method: "POST", headers, ...body };
  const response = await fetch(`${ingress}/Desk/${handler}/send`, options);
  const { invocationId } = (await response.json()) as { invocationId: string };
  return invocationId;
}

beforeAll(async () => {
  folder = new CliFolder("live", { "app.ts": app });
  const ports = [await freePort(), await freePort()] as const;
  ingress = `http://127.0.0.1:${ports[0]}`;
  dev = folder.start("dev", "app.ts", "--port", `${ports[0]}`, "--admin-port", `${ports[1]}`);
  const [, link = ""] = await dev.said(/live +(http:\S+)\n/);
  browser = await launch();
  page = await browser.newPage();
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(error.message));
  await page.goto(link);
  await shows(page.locator("#state"), "live");
}, 60_000);
afterAll(async () => {
  await browser?.close();
  dev.child.kill("SIGTERM");
  await dev.ended;
  folder.remove();
});

test("an invocation appears by itself, and its input and result are text, not markup", async () => {
  await page.locator("#empty").waitFor();
  const markup = '<img src="x" onerror="document.title=1">';
  await send("greet", markup);
  await shows(row("Desk/greet"), "succeeded");
  await row("Desk/greet").click();
  await shows(page.locator("#values dd"), JSON.stringify(markup));
  expect(await page.locator("#values dd").allTextContents()).toEqual([
    JSON.stringify(markup),
    JSON.stringify(`Hello, ${markup}`),
  ]);
  expect(await page.locator("#one img").count()).toBe(0);
  expect(await page.title()).toBe("Holdfast live");
});

test("a timeline says what was asked, what came of it, and what is waited for", async () => {
  await send("asks");
  await row("Desk/asks").click();
  await shows(page.locator("#journal li"), 'run "tell"');
  await shows(page.locator("#journal li"), "awakeable");
  const step = page.locator("#journal li", { hasText: 'run "look up"' });
  await shows(step, `"a step's value"`);
  expect(await page.locator("#journal .bar.open").count()).toBe(1);
  await shows(page.locator("#why"), "awakeable");
});

test("a step that fails is seen to be retried, with its error, and cancel ends it", async () => {
  await send("fails");
  await shows(row("Desk/fails"), "retrying");
  await row("Desk/fails").click();
  await shows(page.locator("#journal"), "connection refused");
  await press("cancel");
  await shows(page.locator("#target"), "failed");
  await shows(page.locator("#values"), "CANCELLED");
  await shows(row("Desk/fails"), "failed");
});

test("pause and resume", async () => {
  await row("Desk/asks").click();
  await shows(page.locator("#target"), "Desk/asks");
  await press("pause");
  await shows(page.locator("#target"), "paused");
  await press("resume");
  await page.locator("#target .paused").waitFor({ state: "detached" });
});

test("the lists are filtered by service and status", async () => {
  await page.locator("#status").selectOption("completed");
  await row("Desk/asks").waitFor({ state: "detached" });
  await page.locator("#status").selectOption("");
  await page.locator("#service").selectOption("Desk");
  await shows(row("Desk/asks"), "asks");
});

test("the process is killed, is seen to be away, comes back, and what waited goes on", async () => {
  expect(complaints).toEqual([]);
  await row("Desk/asks").click();
  const tell = page.locator("#journal li", { hasText: 'run "tell"' }).locator(".told");
  const id = JSON.parse((await tell.first().textContent()) ?? "") as string;
  await page.locator("#kill-process").click();
  await shows(page.locator("#state"), "away");
  await shows(page.locator("#state"), "live");
  await shows(page.locator("#why"), "awakeable");
  const resolved = await fetch(`${ingress}/restate/awakeables/${id}/resolve`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: '"yes"',
  });
  expect(resolved.status).toBe(202);
  await shows(page.locator("#target"), "succeeded");
  await shows(page.locator("#values"), '"yes"');
});
