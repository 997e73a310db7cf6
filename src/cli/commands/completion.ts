// `holdfast completion`: a script for a shell, made from the catalogue, which completes commands and
// their flags.
import type { CommandSpec, Invoked } from "../command.ts";
import { exit, UsageError } from "../exit.ts";
import { flagOf } from "../settings.ts";

export function run({ args, out, commands }: Invoked): Promise<number> {
  const [shell = ""] = args;
  const script = scripts.get(shell);
  if (script === undefined) {
    throw new UsageError(`completion for "${shell}" is not offered: give bash, zsh or fish.`);
  }
  out.data(script(commands));
  return Promise.resolve(exit.done);
}

const scripts: ReadonlyMap<string, (commands: readonly CommandSpec[]) => string> = new Map([
  ["bash", bash],
  [
    "zsh",
    (commands) =>
      `#compdef holdfast\nautoload -U +X bashcompinit && bashcompinit\n${bash(commands)}`,
  ],
  ["fish", fish],
]);

function flagsOf({ options = [], settings = [] }: CommandSpec): string[] {
  const own = options.map(([flags]) => flags.split(" ")[0] as string);
  return [...own, ...settings.map(flagOf), "--json", "--config", "--help"];
}

function bash(commands: readonly CommandSpec[]): string {
  const cases = commands.map(
    (spec) =>
      `    ${spec.name}) COMPREPLY=($(compgen -W "${flagsOf(spec).join(" ")}" -- "$word"));;`,
  );
  return `_holdfast() {
  local word="\${COMP_WORDS[COMP_CWORD]}"
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${commands.map(({ name }) => name).join(" ")}" -- "$word"))
    return
  fi
  case "$word" in -*) ;; *) COMPREPLY=($(compgen -f -- "$word")); return;; esac
  case "\${COMP_WORDS[1]}" in
${cases.join("\n")}
  esac
}
complete -F _holdfast holdfast`;
}

function fish(commands: readonly CommandSpec[]): string {
  const lines = commands.flatMap((spec) => {
    const says = spec.says.replaceAll("'", "");
    const first = `complete -c holdfast -n __fish_use_subcommand -a ${spec.name} -d '${says}'`;
    const seen = `__fish_seen_subcommand_from ${spec.name}`;
    const flags = flagsOf(spec).map(
      (flag) => `complete -c holdfast -n '${seen}' -l ${flag.slice(2)}`,
    );
    return [first, ...flags];
  });
  return lines.join("\n");
}
