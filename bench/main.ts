// Every target beside its floor, from one run: a table as it goes, or with --json one array at the
// end. Run: make bench, or after a build npm run --silent bench -- [--json] [--seconds N]
// [--sleepers N] [--only name,…], a name being the part of a figure's before its dot.
import { parseArgs } from "node:util";
import * as cart from "./cart.ts";
import type { Figure } from "./figure.ts";
import * as floor from "./floor.ts";
import * as single from "./single.ts";
import * as sleepers from "./sleepers.ts";
import * as startup from "./startup.ts";
import * as steps from "./steps.ts";
import * as testEngine from "./test-engine.ts";

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    seconds: { type: "string", default: "10" },
    sleepers: { type: "string", default: "1000000" },
    only: { type: "string" },
  },
});

/** A number above 0, or the end. */
function numberOf(name: "seconds" | "sleepers"): number {
  const number = Number(values[name]);
  if (number > 0) return number;
  throw new TypeError(`--${name} is ${values[name]}: give a number above 0.`);
}

const seconds = numberOf("seconds");
const asleep = numberOf("sleepers");

const benches: ReadonlyMap<string, () => Promise<readonly Figure[]>> = new Map([
  ["start", () => startup.measure()],
  ["testing", () => testEngine.measure()],
  ["single", () => single.measure()],
  ["step10000", () => steps.measure()],
  ["floor", () => floor.measure(seconds)],
  ["cart", () => cart.measureCarts(seconds)],
  ["cartColdKeys", () => cart.measureColdKeys(seconds)],
  ["sleeping", () => sleepers.measure(asleep)],
]);

/** A comma in the text of `--only` parts names. */
function chosen(): readonly string[] {
  if (values.only === undefined) return [...benches.keys()];
  const names = values.only.split(",");
  for (const name of names) {
    if (benches.has(name)) continue;
    throw new TypeError(`--only ${name}: there is ${[...benches.keys()].join(", ")}.`);
  }
  return names;
}

function line({ name, value, unit, target, holds }: Figure): string {
  const digits = unit === "ratio" ? 2 : 0;
  const shown = value.toLocaleString("en", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
  const figure = `${name.padEnd(20)} ${shown.padStart(9)} ${unit.padEnd(6)}`;
  if (target === null) return figure;
  return `${figure} target ${String(target).padStart(5)}   ${holds ? "holds" : "falls short"}`;
}

const figures: Figure[] = [];
for (const name of chosen()) {
  for (const figure of (await benches.get(name)?.()) ?? []) {
    figures.push(figure);
    if (!values.json) console.log(line(figure));
  }
}
if (values.json) console.log(JSON.stringify(figures));
