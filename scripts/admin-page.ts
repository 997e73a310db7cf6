// Writes docs/admin-api.md from the admin side's table of routes: npx tsx scripts/admin-page.ts
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Admin } from "../src/server/admin.ts";
import type { AdminEngine, AdminRoute } from "../src/server/admin-route.ts";

export const adminPagePath: string = fileURLToPath(
  new URL("../docs/admin-api.md", import.meta.url),
);

/** The page as it should be. */
export function adminPage(): string {
  // Only the table is read: no route is asked.
  const { routes } = new Admin({ inspect: {} } as unknown as AdminEngine, {
    version: "",
    tokens: [],
    randomBytes: (length) => new Uint8Array(length),
    secret: new Uint8Array(32),
    monotonic: () => 0,
    now: () => 0,
  });
  return `${intro}
## Routes

| route | role | |
|---|---|---|
${routes.map(rowOf).join("\n")}
`;
}

const intro = `# The HTTP API: admin

<!-- Written by scripts/admin-page.ts. Change src/server/admin-*.ts, then run it. -->

How operators and their tools look at an engine and steer it: what \`holdfast ls\`, \`why\`, \`cancel\` and the
others ask. Routes, statuses and messages are those of Restate's admin API where it has them; they also
answer below \`/v2\`, \`/v3\` and \`/v4\`. \`holdfast serve\` listens on 127.0.0.1:9070.

\`\`\`sh
TOKEN=$(cat data/admin-token)
curl -H "authorization: Bearer $TOKEN" 'http://127.0.0.1:9070/invocations?status=unfinished'
\`\`\`

## Who may ask

Every route but \`/health\` asks for \`authorization: Bearer …\`. The first start makes a token with the role
\`admin\` in \`data/admin-token\`, mode 0600; whoever may read the data directory has it. Further tokens are
configured by their SHA-256 and a role ([cli.md](cli.md#settings)):

| role | may |
|---|---|
| \`read\` | look; ids of awakeables are hidden, because who has one can complete it |
| \`operate\` | also cancel, kill, pause, resume, restart, edit state |
| \`admin\` | also purge, clear, move many at once |

With \`--jwt-keys\` and \`--jwt-audience\` tokens that somebody else has signed are taken too ([as the ingress
does](http-api.md#who-may-ask)); their claim \`holdfast_role\` is the role. With \`--tls-cert\` and \`--tls-key\` it speaks
HTTPS, and with \`--tls-ca\` only to clients with a certificate of these authorities, who still need a token.

A host name that is not expected is answered with 421, a page of another origin with 403; there is no
CORS. The live page of \`holdfast dev\` has a cookie instead (\`HttpOnly\`, \`SameSite=Strict\`), by a link that
works once; with it, what changes anything needs the header \`x-holdfast-csrf\`, which no other page can send.

## What a read shows

Reads come from the [table](tables.md), never from memory, which is ahead of what is durable. A read first
waits until all that was decided before it is folded, so you see what you have just done; a disk or a fold
that stands still is waited for two seconds. Lists carry \`positions\`, such as \`0:1234\`: per partition, the
record up to which they were read. What changes anything answers once it is durable, with the header
\`x-holdfast-positions\`: a list at these positions, or later ones, shows it.

Lists are newest first and come in pages: \`limit\` up to 1,000, and \`cursor\` from the page before. Filters by
service, key, handler and time have no index; they read rows in slices, and let the engine work in between.

Refusals are \`{"message", "restate_code": null, "code"}\`; the codes are in [errors.md](errors.md).

## Why

\`GET /invocations/{id}/why\` answers \`{"why", "lines"}\`: the wait graph as data and in words. Each node says
what it does or what holds it (its turn at a key, a call, a timer, an awakeable, a signal, a promise, the next
attempt and the error before it, a pause, a missing handler), and which command would move it.

## Events

\`GET /events\` is a stream of server-sent events, one per change, once it is durable. The \`id\` is positions: with
\`last-event-id\` a client goes on where it was, for as long as somebody else has listened meanwhile; else, and
after bursts, it is told \`missed\` and looks at the lists again. Kinds: \`created\`, \`inboxed\`, \`started\`,
\`suspended\`, \`asked\`, \`learned\`, \`step-failed\`, \`attempt-failed\`, \`paused\`, \`succeeded\`, \`failed\`, \`purged\`,
\`state-edited\`, \`missed\`.

## SQL

\`POST /query\` with \`{"query": "SELECT …"}\` answers \`{"rows": […]}\`: one read-only question over the views of
[tables.md](tables.md), and over those that Restate's tools read: \`sys_invocation\`, \`sys_journal\`, \`sys_inbox\`,
\`sys_journal_events\`, \`sys_keyed_service_status\`, \`sys_promise\`, and \`state\`. It is answered in a process of its own, at most five
seconds, 10,000 rows and 512 MiB. Columns that are null are left out.

## What differs from Restate

There are no deployments, subscriptions or virtual queues to register: code is hosted in the process. Ids of
invocations in \`sys_journal\` and the like are computed, so a condition on \`id\` reads all rows. In \`sys_journal\`
there is no \`Command: Input\`; \`entry_json\` is Restate's for what completes a command and for \`Command: Output\`, and
the entry as it is kept elsewhere. \`sys_journal_events\` has the last failure of an attempt and of each step, a
pause and a suspension, as long as they last; earlier ones are in nobody's table. \`purge-journal\` does not exist.
`;

function rowOf({ method, path, role, says, query = {}, body }: AdminRoute): string {
  const parameters = Object.entries(query).map(([name, what]) => `\`${name}\`: ${what}`);
  const takes = body === undefined ? [] : [`body: ${body}`];
  const more = [...parameters, ...takes].join("; ");
  const told = `${says}${more === "" ? "" : ` ${more}.`}`.replaceAll("|", "\\|");
  return `| ${method} \`${path}\` | ${role === "none" ? "–" : role} | ${told} |`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(adminPagePath, adminPage());
