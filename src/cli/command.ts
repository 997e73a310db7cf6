// What a command is: its name and words for the help, what it takes, and where its code is, which is
// loaded only when it is run.
import type { Configured } from "./config.ts";
import type { Output } from "./output.ts";
import type { SettingName } from "./settings.ts";

export interface CommandSpec {
  readonly name: string;
  readonly says: string;
  /** As commander writes them: `<id>`, `[id]`, `<module...>`. */
  readonly args?: readonly (readonly [name: string, says: string])[];
  readonly options?: readonly (readonly [flags: string, says: string])[];
  /** Settings it takes as flags. */
  readonly settings?: readonly SettingName[];
  readonly examples: readonly string[];
  load(): Promise<{ run(invoked: Invoked): Promise<number> }>;
}

/** One run of a command. */
export interface Invoked {
  readonly args: readonly string[];
  readonly options: Readonly<Record<string, unknown>>;
  readonly configured: Configured;
  /** The whole catalogue, for what speaks of all commands. */
  readonly commands: readonly CommandSpec[];
  readonly out: Output;
}

/** An option that is a text; undefined when it was not given. */
export function textOption({ options }: Invoked, name: string): string | undefined {
  const value = options[name];
  return typeof value === "string" ? value : undefined;
}
