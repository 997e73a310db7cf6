// `holdfast services`: what is hosted.
import type { Invoked } from "../command.ts";
import { exit } from "../exit.ts";
import { adminClient } from "../http-client.ts";

interface Listed {
  readonly services: readonly {
    readonly name: string;
    readonly kind: string;
    readonly revision: string;
    readonly handlers: readonly { readonly name: string; readonly mode: string }[];
  }[];
}

export async function run({ configured, out }: Invoked): Promise<number> {
  const listed = await adminClient(configured).json<Listed>("/services");
  out.rows(
    listed.services,
    [
      { title: "service", of: ({ name }) => name },
      { title: "kind", of: ({ kind }) => kind },
      {
        title: "handlers",
        of: ({ handlers }) =>
          handlers
            .map(({ name, mode }) => (mode === "shared" ? `${name} (shared)` : name))
            .join(", "),
      },
      { title: "revision", of: ({ revision }) => revision, colour: () => "grey" },
    ],
    listed,
  );
  return exit.done;
}
