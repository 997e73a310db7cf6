// Where check and export take journals from: a data directory, which is not opened, or, where an admin
// side is named, the engine behind that.
import { Archive, type Archived, begun } from "../archive.ts";
import type { InvocationView } from "../engine/inspect-view.ts";
import type { Page } from "../engine/inspection.ts";
import { parseJournal, rowOf } from "../journal/stored-journal.ts";
import type { Configured } from "./config.ts";
import { CliError, exit } from "./exit.ts";
import { adminClient, type HttpClient } from "./http-client.ts";

export interface JournalSource extends AsyncDisposable {
  /**
   * What has begun and not ended, each loaded when asked for; undefined where it has ended since.
   * Oldest first from a directory, newest first from an engine.
   */
  live(): AsyncIterable<() => Promise<Archived | undefined>>;
  invocation(id: string): Promise<Archived>;
}

export async function journalSource(configured: Configured): Promise<JournalSource> {
  const { adminUrl, data } = configured.values;
  if (adminUrl !== "") return new EngineJournals(adminClient(configured));
  return new DirectoryJournals(await Archive.open(data));
}

class DirectoryJournals implements JournalSource {
  readonly #archive: Archive;

  constructor(archive: Archive) {
    this.#archive = archive;
  }

  async *live(): AsyncGenerator<() => Promise<Archived>> {
    for (const one of this.#archive.live()) yield async () => one;
  }

  async invocation(id: string): Promise<Archived> {
    return this.#archive.invocation(id);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#archive.close();
  }
}

/** Of the engine's invocations as it has folded them: a moment behind, each whole. */
class EngineJournals implements JournalSource {
  readonly #admin: HttpClient;

  constructor(admin: HttpClient) {
    this.#admin = admin;
  }

  async *live(): AsyncGenerator<() => Promise<Archived | undefined>> {
    const query = new URLSearchParams({ status: begun.join(","), limit: "1000" });
    for (;;) {
      const page = await this.#admin.json<
        Pick<Page<never>, "cursor"> & { readonly invocations: readonly InvocationView[] }
      >(`/invocations?${query}`);
      for (const { id, entries } of page.invocations) {
        if (entries > 0) yield () => this.#unfinished(id);
      }
      if (page.cursor === undefined) return;
      query.set("cursor", page.cursor);
    }
  }

  async #unfinished(id: string): Promise<Archived | undefined> {
    try {
      const found = await this.invocation(id);
      return found.row.status === "completed" ? undefined : found;
    } catch (error) {
      if (error instanceof CliError && error.exit === exit.notFound) return undefined;
      throw error;
    }
  }

  async invocation(id: string): Promise<Archived> {
    const path = `/invocations/${encodeURIComponent(id)}/export`;
    const stored = parseJournal(await (await this.#admin.ask(path)).text());
    return { row: rowOf(stored), entries: stored.entries };
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
