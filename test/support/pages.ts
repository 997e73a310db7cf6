// Reads the documents: which pages there are, the snippets in them, and the links and file names in
// them that lead nowhere.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

export interface Page {
  /** From the root of the repository, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

export interface Snippet {
  readonly page: string;
  /** Of its fence, from 1. */
  readonly line: number;
  /** Where in the page's text it ends. */
  readonly end: number;
  readonly code: string;
}

/** The pages of the root, and all of docs/ and examples/. */
export function pages(root: string): Page[] {
  const names = readdirSync(root).filter((name) => name.endsWith(".md"));
  for (const folder of ["docs", "examples"]) {
    for (const name of readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })) {
      if (name.endsWith(".md")) names.push(`${folder}/${name.replaceAll("\\", "/")}`);
    }
  }
  return names.sort().map((path) => ({ path, text: readFileSync(join(root, path), "utf8") }));
}

/** Fences marked `ts`: each a module of its own. What must not compile says so with a directive. */
export function snippets({ path, text }: Page): Snippet[] {
  return [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map((match) => ({
    page: path,
    line: lineAt(text, match.index),
    end: match.index + match[0].length,
    code: match[1] ?? "",
  }));
}

function lineAt(text: string, index: number): number {
  return text.slice(0, index).split("\n").length;
}

/** Decisions tell of their time and are never edited: their links must hold, their names need not. */
const isHistory = (path: string): boolean => /^(CHANGELOG\.md|docs\/decisions\/)/.test(path);

export function brokenReferences(root: string, page: Page, all: readonly Page[]): string[] {
  const broken: string[] = [];
  const prose = withoutFences(page.text);
  const wrong = (index: number, what: string): void => {
    broken.push(`${page.path}:${lineAt(prose, index)}: ${what}`);
  };
  for (const { index, 1: link = "" } of prose.matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^[a-z]+:/.test(link)) continue;
    const [file = "", heading] = link.split("#");
    const target = file === "" ? page.path : normalize(join(dirname(page.path), file));
    if (!existsSync(join(root, target))) wrong(index, `${target} does not exist.`);
    else if (heading !== undefined && !headings(target, all).has(heading)) {
      wrong(index, `${target} has no heading #${heading}.`);
    }
  }
  if (isHistory(page.path)) return broken;
  for (const { index, 1: name = "" } of prose.matchAll(fileName)) {
    if (!existsSync(join(root, name))) wrong(index, `${name} does not exist.`);
  }
  return broken;
}

/** A path from the root in backticks; a star or an ellipsis in it is no name. */
const fileName = /`((?:src|test|docs|bench|examples|scripts)\/[\w./-]*)`/g;

/** Fenced text blanked out, with its lines kept. */
function withoutFences(text: string): string {
  return text.replaceAll(/^```.*?^```$/gms, (fence) => fence.replaceAll(/[^\n]/g, " "));
}

/** The anchors of a page, as they are made from its headings. */
function headings(path: string, all: readonly Page[]): ReadonlySet<string> {
  const page = all.find((one) => one.path === path);
  const found = new Set<string>();
  for (const { 1: title = "" } of withoutFences(page?.text ?? "").matchAll(/^#+ (.+)$/gm)) {
    const plain = title.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1").toLowerCase();
    found.add(plain.replaceAll(/[^\w\- ]/g, "").replaceAll(" ", "-"));
  }
  for (const { 1: id = "" } of (page?.text ?? "").matchAll(/<a (?:id|name)="([^"]+)"/g))
    found.add(id);
  return found;
}
