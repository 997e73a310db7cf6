// `holdfast config`: the effective settings and where each comes from. Secrets are not shown.
import type { Invoked } from "../command.ts";
import { exit } from "../exit.ts";
import { flagOf, settings, variableOf } from "../settings.ts";

export function run({ configured, out }: Invoked): Promise<number> {
  const rows = settings.map(({ name, secret, says }) => {
    const value = configured.values[name];
    const given = Array.isArray(value) ? value.length > 0 : value !== "";
    return {
      name,
      value: secret === true ? (given ? "(not shown)" : "") : value,
      from: configured.origins.get(name),
      flag: flagOf(name),
      variable: variableOf(name),
      says,
    };
  });
  out.rows(rows, [
    { title: "setting", of: ({ name }) => name },
    { title: "value", of: ({ value }) => (Array.isArray(value) ? value.join(",") : String(value)) },
    {
      title: "from",
      of: ({ from }) => from,
      colour: ({ from }) => (from === "default" ? "grey" : "green"),
    },
    { title: "variable", of: ({ variable }) => variable },
    { title: "", of: ({ says }) => says },
  ]);
  return Promise.resolve(exit.done);
}
