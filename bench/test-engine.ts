// How long a test waits for its engine: from TestEngine.open to its first answer, the first time in
// a process, when nothing is warm; and what the import takes before it, which a test file pays once.
// Run: npx tsx bench/test-engine.ts, after a build.
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { atMost, type Figure, known, median } from "./figure.ts";

const rounds = 15;
const targetMs = 20;

const program = `
  const began = performance.now();
  const { service } = await import("holdfast");
  const { TestEngine } = await import("holdfast/testing");
  const imported = performance.now();
  const greeter = service("Greeter", {
    async greet(ctx, name) {
      return ctx.run("greet", () => "Hello, " + name);
    },
  });
  const engine = await TestEngine.open({ services: [greeter] });
  const opened = performance.now();
  await engine.call(greeter).greet("Sarah");
  console.log(JSON.stringify([imported - began, opened - imported, performance.now() - imported]));
  await engine.close();
`;

export function measure(): Promise<Figure[]> {
  const cwd = fileURLToPath(new URL("..", import.meta.url));
  const took: [number, number, number][] = [];
  for (let round = 0; round < rounds; round++) {
    const args = ["--input-type=module", "-e", program];
    const said = execFileSync(process.execPath, args, { cwd, encoding: "utf8" });
    took.push(JSON.parse(said) as [number, number, number]);
  }
  const of = (i: 0 | 1 | 2): number => median(took.map((one) => one[i]));
  return Promise.resolve([
    atMost(targetMs, { name: "testing.openMs", unit: "ms", value: of(1) }),
    known({ name: "testing.firstAnswerMs", unit: "ms", value: of(2) }),
    known({ name: "testing.importMs", unit: "ms", value: of(0) }),
  ]);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const { name, value } of await measure()) console.log(`${name} ${value.toFixed(1)} ms`);
}
