// Writes docs/cli.md from the catalogue of commands: npx tsx scripts/cli-page.ts
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { commands } from "../src/cli/catalogue.ts";
import type { CommandSpec } from "../src/cli/command.ts";
import { flagOf, settings, variableOf } from "../src/cli/settings.ts";

export const cliPagePath: string = fileURLToPath(new URL("../docs/cli.md", import.meta.url));

/** The page as it should be. */
export function cliPage(): string {
  return `${intro}
## Commands

${commands.map(section).join("\n")}
## Settings

A flag wins over the environment, that over the file, that over the default. The file is
\`holdfast.config.json\` where the command is run, or what \`--config\` or \`HOLDFAST_CONFIG\` names: one
JSON object with the names below. A name nobody knows is an error. \`holdfast config\` shows what is
effective and where it comes from; secrets are not shown.

| setting | flag | variable | default | |
|---|---|---|---|---|
${settings.map(settingRow).join("\n")}

\`tokens\` and \`adminTokens\` are taken from the environment or the file: a flag is seen by every user
of the machine. An admin token is given as its role and the SHA-256 of its text, such as
\`read:9f86d081…\`: \`printf %s "$TOKEN" | sha256sum\`.
`;
}

const intro = `# The command

\`holdfast\` hosts definitions and talks to a running engine: it calls handlers through the ingress, and
looks and steers through the admin side ([http-api.md](http-api.md)). This page is made from the
commands themselves (\`npx tsx scripts/cli-page.ts\`); \`holdfast COMMAND --help\` says the same.

\`\`\`sh
npx holdfast serve app.ts                     # in one terminal
npx holdfast invoke Greeter/hello '"Ada"'     # in another
npx holdfast ls
npx holdfast why inv_1…
\`\`\`

Data goes to standard output, everything else to standard error. \`--json\` gives programs what people
get as tables; it is what the admin side answers. Colours are used on a terminal only, and not with
\`NO_COLOR\`. What handlers and callers wrote (names, keys, values, messages) cannot move a terminal:
control characters are shown as escapes.

Commands find the engine that has \`--data\` open (\`./data\` if nothing is said), served or not, through the
socket that guards the directory: no port, no token, for whoever may read its files. Where nobody is
there, or an address, a port or a token is named, they ask \`http://127.0.0.1:9070\` with the token in
\`data/admin-token\`. Elsewhere, name it by \`--admin-url\` and \`HOLDFAST_ADMIN_TOKEN\`.

TypeScript is loaded by Node itself where it can (22.18 and later), else by
[tsx](https://tsx.hirok.io): \`npm install --save-dev tsx\`.

## Exit codes

| code | |
|---|---|
| 0 | done |
| 1 | usage: wrong arguments or settings |
| 2 | it could not be done; the message begins with a code of [errors.md](errors.md) |
| 3 | damage was found, and not mended |
| 4 | there is no such invocation, service or handler |
| 5 | the invocation failed: its error is on standard error |
| 6 | no engine answered, or it does not know the token |
| 7 | code and journals part: deploying it would pause invocations |
| 130, 143 | ended at once, by a second SIGINT or SIGTERM |
`;

function section({
  name,
  says,
  args = [],
  options = [],
  settings: flags = [],
  examples,
}: CommandSpec): string {
  const usage = ["holdfast", name, ...args.map(([arg]) => arg)].join(" ");
  const rows = [...args, ...options].map(([what, does]) => `| \`${what}\` | ${does} |`);
  const table = rows.length === 0 ? "" : `\n| | |\n|---|---|\n${rows.join("\n")}\n`;
  const settingFlags = flags.map((flag) => `\`${flagOf(flag)}\``).join(", ");
  const takes = flags.length === 0 ? "" : `\nSettings: ${settingFlags}.\n`;
  return `### ${name}

${says}.

\`\`\`sh
${[`# ${usage}`, ...examples].join("\n")}
\`\`\`
${table}${takes}`;
}

function settingRow({ name, fallback, says, secret }: (typeof settings)[number]): string {
  const shown = fallback === "" ? "" : `\`${fallback}\``;
  const flag = secret === true && name.endsWith("s") ? "" : `\`${flagOf(name)}\``;
  return `| \`${name}\` | ${flag} | \`${variableOf(name)}\` | ${shown} | ${says} |`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(cliPagePath, cliPage());
