// Credentials sent to the ingress are nowhere afterwards: not on the disk, not in what is reported,
// not in what is answered to others.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Engine, type EngineEvent } from "../../src/index.ts";
import { counter, greeter } from "../support/services.ts";

const canaries = Array.from({ length: 8 }, (_, i) => `canary-${i}-3f9c1d7e`);
const token = `${canaries[0]}-as-a-token`;
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-secrets-"));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("no credential is kept, reported or answered", async () => {
  const events: EngineEvent[] = [];
  const data = join(folder, "data");
  const onEvent = (event: EngineEvent): void => void events.push(event);
  const services = [greeter, counter];
  const engine = await Engine.open({ services, data, onEvent });
  const ingress = engine.ingress({ tokens: [token], headers: ["cookie", "authorization"] });
  const headers = {
    authorization: `Bearer ${token}`,
    "proxy-authorization": `Basic ${canaries[1]}`,
    cookie: `session=${canaries[2]}`,
    "x-api-key": `${canaries[3]}`,
    "x-csrf-token": `${canaries[4]}`,
    "x-amz-security-token": `${canaries[5]}`,
    "x-kept": "this-is-kept",
    "content-type": "application/json",
  };
  const ask = (path: string, more: object = {}): Promise<Response> => {
    const all = { ...headers, ...more };
    const init = { method: "POST", headers: all, body: '"x"' };
    return ingress(new Request(`http://127.0.0.1${path}`, init));
  };
  const said: string[] = [];
  for (const path of ["/Greeter/headers", "/Greeter/fails", "/Greeter/greet/send", "/No/body"]) {
    said.push(await (await ask(path)).text());
  }
  const wrong = { authorization: `Bearer ${canaries[6]}-which-is-wrong` };
  said.push(await (await ask("/Greeter/greet", wrong)).text());
  const origin = { origin: "https://evil.example", authorization: `Bearer ${canaries[7]}` };
  said.push(await (await ask("/Greeter/greet", origin)).text());
  await engine.close();

  const disk = readdirSync(data, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), "latin1"))
    .join("\n");
  // What may be kept is: we look in the right place.
  expect(disk).toContain("this-is-kept");
  const all = [disk, JSON.stringify(events), ...said].join("\n");
  expect(canaries.filter((canary) => all.includes(canary))).toEqual([]);
});
