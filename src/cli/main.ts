#!/usr/bin/env node
// The `holdfast` command: reads its arguments, loads the command that is meant, and ends with its
// exit code. Data goes to stdout, as tables or as JSON; all else goes to stderr, for people.
import { Command, CommanderError } from "commander";
import { isHoldfastError } from "../model/errors.ts";
import { commands } from "./catalogue.ts";
import type { CommandSpec } from "./command.ts";
import { configure } from "./config.ts";
import { CliError, exit, UsageError } from "./exit.ts";
import { Output } from "./output.ts";
import { plainText } from "./plain.ts";
import { flagOf, settings } from "./settings.ts";
import { version } from "./version.ts";

/** The exit code of the command that ran. */
let ended: number = exit.done;

async function main(argv: readonly string[]): Promise<void> {
  // A reader that has seen enough, such as head, is no failure.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    process.exit(error.code === "EPIPE" ? exit.done : exit.failed);
  });
  const program = new Command("holdfast")
    .description("Durable execution for TypeScript: host handlers, call them, see and steer them.")
    .version(version())
    .usage("<command>")
    .exitOverride()
    .addHelpText("after", `\nExit codes: ${exitCodes}`);
  withUsage(program, "holdfast <command>");
  for (const spec of commands) program.addCommand(commandOf(spec));
  await program.parseAsync(argv);
}

const exitCodes =
  "0 done; 1 usage; 2 it could not be done; 3 damage was found; 4 there is no such thing; " +
  "5 the invocation failed; 6 no engine answered; 7 code and journals part.";

function commandOf(spec: CommandSpec): Command {
  const command = new Command(spec.name).description(spec.says).exitOverride();
  for (const [name, says] of spec.args ?? []) command.argument(name, says);
  for (const [flags, says] of spec.options ?? []) command.option(flags, says);
  for (const name of spec.settings ?? []) {
    const setting = settings.find((one) => one.name === name);
    if (setting === undefined) continue;
    const value = setting.kind === "flag" ? "" : ` <${setting.kind}>`;
    const fallback = setting.fallback === "" ? "" : ` (default ${setting.fallback})`;
    command.option(`${flagOf(name)}${value}`, `${setting.says}${fallback}`);
  }
  command.option("--json", "JSON, for programs");
  command.option("--config <file>", "settings file; default holdfast.config.json, if it is there");
  const examples = spec.examples.map((example) => `  ${example}`).join("\n");
  command.addHelpText("after", `\nExamples:\n${examples}`);
  withUsage(command, `holdfast ${spec.name} ${command.usage()}`);
  command.action(async () => {
    ended = await run(spec, command);
  });
  return command;
}

/** A mistake is answered with how it is used, in a line; the whole is in --help. */
function withUsage(command: Command, usage: string): void {
  command.configureOutput({
    outputError: (text, write) => write(`${text}Usage: ${usage}\nMore: --help\n`),
  });
}

async function run(spec: CommandSpec, command: Command): Promise<number> {
  const options: Record<string, unknown> = command.opts();
  const file = options["config"] as string | undefined;
  const configured = configure({ flags: options, env: process.env, file });
  const noColour = (process.env["NO_COLOR"] ?? "") !== "";
  const out = new Output(
    { json: options["json"] === true, colours: !noColour },
    { out: process.stdout, error: process.stderr },
  );
  const args = command.args;
  const { run } = await spec.load();
  return run({ args, options, configured, out, commands });
}

function failed(error: unknown): number {
  const say = (text: string): void => void process.stderr.write(`${plainText(text)}\n`);
  if (error instanceof CommanderError) return error.exitCode === 0 ? exit.done : exit.usage;
  if (error instanceof UsageError) {
    say(`holdfast: ${error.message}\nRun with --help to see how it is used.`);
    return exit.usage;
  }
  if (error instanceof CliError) {
    say(`holdfast: ${error.message}`);
    return error.exit;
  }
  if (isHoldfastError(error)) say(`holdfast: ${error.code}: ${error.message}`);
  else say(`holdfast: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  return exit.failed;
}

main(process.argv).then(
  () => {
    process.exitCode = ended;
  },
  (error: unknown) => {
    process.exitCode = failed(error);
  },
);
