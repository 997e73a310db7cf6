#!/usr/bin/env node
// The `holdfast` command. Data goes to stdout, as JSON or as asked; all else goes to stderr, for
// people. Exit codes: 0 done, or nothing to do; 1 usage; 2 it could not be done; 3 damage was found
// and its loss not accepted. docs/operations.md says when to use what.
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { isHoldfastError } from "../model/errors.ts";
import type { SalvageReport } from "../salvage.ts";
import { salvage } from "../salvage.ts";

const usage = `Usage: holdfast <command>

  holdfast salvage <directory> [--accept-loss] [--from-table]
      Says what of a damaged data directory can be kept, and what is lost. No engine may have it
      open. Prints the report as JSON.
        --accept-loss   does it: what is damaged is moved aside, nothing is deleted
        --from-table    goes on from the table, where it reaches further than the changelog
  holdfast --version
  holdfast --help

Exit codes: 0 done, or nothing is damaged; 1 usage; 2 it could not be done; 3 damage was found and
its loss not accepted.
`;

const out = (text: string): void => void process.stdout.write(text);
const say = (text: string): void => void process.stderr.write(`${text}\n`);

class UsageError extends Error {}

run(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.exitCode = failed(error);
  },
);

async function run(args: string[]): Promise<number> {
  const { values, positionals } = parsed(args);
  if (values.help === true) {
    out(usage);
    return 0;
  }
  if (values.version === true) {
    out(`${version()}\n`);
    return 0;
  }
  const [command, directory, ...more] = positionals;
  if (command !== "salvage") {
    throw new UsageError(command === undefined ? "no command" : `no command "${command}"`);
  }
  if (directory === undefined || more.length > 0) throw new UsageError("salvage: one directory");
  const acceptLoss = values["accept-loss"];
  const fromTable = values["from-table"];
  return told(await salvage({ directory, acceptLoss, fromTable }), directory);
}

function parsed(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        help: { type: "boolean", short: "h" },
        version: { type: "boolean" },
        "accept-loss": { type: "boolean" },
        "from-table": { type: "boolean" },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function version(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { readonly version: string }).version;
}

function failed(error: unknown): number {
  if (error instanceof UsageError) {
    say(`holdfast: ${error.message}\n\n${usage}`);
    return 1;
  }
  if (isHoldfastError(error)) say(`holdfast: ${error.code}: ${error.message}`);
  else say(`holdfast: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  return 2;
}

function told(report: SalvageReport | undefined, directory: string): number {
  if (report === undefined) {
    say(`Nothing in ${directory} is damaged. Nothing was changed.`);
    return 0;
  }
  out(`${JSON.stringify(report, undefined, 2)}\n`);
  for (const line of linesOf(report)) say(line);
  return report.done ? 0 : 3;
}

function* linesOf(report: SalvageReport): Generator<string> {
  const { damage, kept, lost, position, table, tableReaches, moved, aside, done } = report;
  yield `${damage.message}.`;
  if (kept === undefined) yield "Kept of the changelog: no record.";
  else yield `Kept of the changelog: records ${kept.from} to ${kept.to}.`;
  if (lost === undefined) yield "Lost: no record that anything speaks of.";
  else yield `Lost: records ${lost.from} to ${lost.to}, and any after that.`;
  if (table.kind === "restored") yield `The table is restored from ${table.copy}.`;
  if (table.kind === "rebuilt") yield "The table is rebuilt from the changelog at the next open.";
  if (tableReaches !== undefined && !done) {
    yield `The table reaches ${tableReaches}, beyond ${position}: --from-table goes on from there.`;
  }
  yield `${done ? "Moved" : "Would be moved"} to ${aside}: ${moved.join(", ")}.`;
  if (done) yield "The directory can be opened.";
  else yield "Nothing was changed. Back up the directory, then run it again with --accept-loss.";
}
