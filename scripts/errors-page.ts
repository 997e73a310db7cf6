// Writes docs/errors.md from the table of error codes: `npx tsx scripts/errors-page.ts`. A test
// compares the two, so that the page never says something else than the messages do.

import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type ErrorCode, type ErrorCodeEntry, errorCodes } from "../src/model/errors.ts";

const heading = `# Errors

<!-- Written by scripts/errors-page.ts from src/model/error-codes.ts. Change the table, then run
\`npx tsx scripts/errors-page.ts\`. -->

Every expected failure has a code. Codes are stable within a major version; messages may improve,
so match on the code:

\`\`\`ts
import { type Client, isHoldfastError } from "holdfast";

export async function resultOf(client: Client, id: string): Promise<unknown> {
  try {
    return await client.invocation(id).result();
  } catch (error) {
    if (isHoldfastError(error, "INVOCATION_NOT_FOUND")) return null;
    throw error;
  }
}
\`\`\`

A handler ends its invocation with \`new TerminalError(message, { code, status, data })\`, with a
code of your own; every caller catches it with the same code, status and data. Over HTTP the status
is the one given here and the code is in the header \`x-holdfast-code\`.

* **terminal**: thrown in a handler, it ends the invocation. What is not terminal is retried.
* **retryable**: the same request may be sent again and may then succeed.

A plain \`TypeError\` means that an argument is wrong: mend the call.
`;

export const errorsPagePath: string = fileURLToPath(new URL("../docs/errors.md", import.meta.url));

export function errorsPage(): string {
  const codes = Object.keys(errorCodes).sort() as ErrorCode[];
  return [heading, ...codes.map((code) => section(code, errorCodes[code]))].join("\n");
}

function section(code: ErrorCode, entry: ErrorCodeEntry): string {
  const { status, terminal = false, retryable = false, happened, why, fix } = entry;
  const traits = [`status ${status}`];
  if (terminal) traits.push("terminal");
  if (retryable) traits.push("retryable");
  return `## ${code}

${happened} *(${traits.join(", ")})*

* Why it matters: ${why}
* What to do: ${fix}
`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(errorsPagePath, errorsPage());
