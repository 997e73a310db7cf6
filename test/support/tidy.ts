// The rules of STYLE.md that a program can check, as functions from a parsed file to what is wrong in
// it. Each answer names rule, file, line and remedy. What imports what is .dependency-cruiser.cjs.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";

export interface Source {
  /** From the root of the repository, with forward slashes. */
  readonly path: string;
  readonly tree: ts.SourceFile;
}

export type Rule = (source: Source) => readonly string[];

export const linesPerFileMax = 300;
export const linesPerTestMax = 600;
export const linesPerFunctionMax = 60;

export function parse(path: string, text: string): Source {
  return { path, tree: ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true) };
}

/** All TypeScript of the repository that we wrote. */
export function sources(root: string): Source[] {
  const found: Source[] = [];
  for (const folder of ["src", "test", "bench", "examples", "scripts", "sim"]) {
    for (const path of readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })) {
      // Folders with a dot hold what tests write.
      if (!path.endsWith(".ts") || /(^|[/\\])[.]/.test(path)) continue;
      const name = `${folder}/${path.replaceAll("\\", "/")}`;
      found.push(parse(name, readFileSync(join(root, name), "utf8")));
    }
  }
  return found;
}

function lineOf({ tree }: Source, node: ts.Node): number {
  return tree.getLineAndCharacterOfPosition(node.getStart(tree)).line + 1;
}

function wrong(rule: string, source: Source, line: number, remedy: string): string {
  return `${rule}: ${source.path}:${line}: ${remedy}`;
}

function visit(node: ts.Node, each: (node: ts.Node) => void): void {
  each(node);
  ts.forEachChild(node, (child) => visit(child, each));
}

const isTest = (path: string): boolean => path.endsWith(".test.ts") || path.startsWith("test/");

// ---- purity

const impure: ReadonlyMap<string, string> = new Map([
  ["Promise", "what waits belongs to engine/ or sdk/"],
  ["Date", "take the time from the proposal or the stamp"],
  ["performance", "take the time from the proposal or the stamp"],
  ["crypto", "take random bytes from the leader (mint)"],
  ["setTimeout", "set a timer by a change, and let engine/ wait for it"],
  ["setInterval", "set a timer by a change, and let engine/ wait for it"],
  ["setImmediate", "set a timer by a change, and let engine/ wait for it"],
  ["queueMicrotask", "say it in what is learned, and let engine/ carry it out"],
  ["process", "pass it in"],
  ["globalThis", "pass it in"],
]);

/** Floor 3 has no node:, no async, no clock, no timer and no randomness (I3). */
export const purity: Rule = (source) => {
  const { path, tree } = source;
  if (!/^src\/(codec|partition|replay)\//.test(path) || isTest(path)) return [];
  const found: string[] = [];
  const report = (node: ts.Node, what: string, remedy: string): void => {
    found.push(wrong("floor 3 is pure", source, lineOf(source, node), `${what}: ${remedy}.`));
  };
  visit(tree, (node) => {
    if (ts.isStringLiteral(node) && node.text.startsWith("node:")) {
      report(node, node.text, "take it through a port");
    } else if (isAsync(node)) {
      report(node, "async", "what waits belongs to engine/ or sdk/");
    } else if (ts.isIdentifier(node) && !isMemberName(node)) {
      const remedy = impure.get(node.text);
      if (remedy !== undefined) report(node, node.text, remedy);
    } else if (ts.isPropertyAccessExpression(node) && node.getText(tree) === "Math.random") {
      report(node, "Math.random", "take random bytes from the leader (mint)");
    }
  });
  return found;
};

function isAsync({ kind }: ts.Node): boolean {
  const { AsyncKeyword, AwaitKeyword, AwaitExpression } = ts.SyntaxKind;
  return kind === AsyncKeyword || kind === AwaitKeyword || kind === AwaitExpression;
}

/** Whether it is the name of a member, declared or used: not the global of that name. */
function isMemberName(node: ts.Identifier): boolean {
  const { parent } = node;
  const isMember =
    ts.isPropertyAccessExpression(parent) ||
    ts.isTypeElement(parent) ||
    ts.isClassElement(parent) ||
    ts.isPropertyAssignment(parent);
  return isMember && parent.name === node;
}

// ---- sizes

const linesOf = new WeakMap<Source, ReadonlySet<number>>();

/** The lines that hold code: neither blank nor comment. */
function codeLines(source: Source): ReadonlySet<number> {
  const known = linesOf.get(source);
  if (known !== undefined) return known;
  const { tree } = source;
  const lines = new Set<number>();
  linesOf.set(source, lines);
  const mark = (node: ts.Node): void => {
    if (node.kind >= ts.SyntaxKind.FirstJSDocNode && node.kind <= ts.SyntaxKind.LastJSDocNode) {
      return;
    }
    const children = node.getChildren(tree);
    if (children.length > 0) return children.forEach(mark);
    if (node.getWidth(tree) === 0) return;
    const { line } = tree.getLineAndCharacterOfPosition(node.getStart(tree));
    const last = tree.getLineAndCharacterOfPosition(node.getEnd()).line;
    for (let at = line; at <= last; at++) lines.add(at + 1);
  };
  mark(tree);
  return lines;
}

export const fileSize: Rule = (source) => {
  const limit = isTest(source.path) ? linesPerTestMax : linesPerFileMax;
  const { size } = codeLines(source);
  if (size <= limit) return [];
  const ask = "which reason to change can move out?";
  return [wrong("file size", source, 1, `${size} lines of code (limit ${limit}): ${ask}`)];
};

export const functionSize: Rule = (source) => {
  const lines = codeLines(source);
  const found: string[] = [];
  visit(source.tree, (node) => {
    if (!ts.isFunctionLike(node) || !("body" in node) || isSuite(node)) return;
    const size = ownLines(source, node, lines);
    if (size <= linesPerFunctionMax) return;
    const name = node.name?.getText(source.tree) ?? "a function";
    const limit = `${size} lines of code (limit ${linesPerFunctionMax})`;
    const ask = "which part of it has a name of its own?";
    found.push(
      wrong("function size", source, lineOf(source, node), `${name} has ${limit}: ${ask}`),
    );
  });
  return found;
};

function ownLines(source: Source, node: ts.Node, lines: ReadonlySet<number>): number {
  let size = countIn(source, node, lines);
  visit(node, (inner) => {
    if (ts.isSwitchStatement(inner) && isClosedSwitch(source, inner)) {
      size -= countIn(source, inner, lines);
    }
  });
  return size;
}

function countIn(source: Source, node: ts.Node, lines: ReadonlySet<number>): number {
  const last = source.tree.getLineAndCharacterOfPosition(node.getEnd()).line + 1;
  let count = 0;
  for (let line = lineOf(source, node); line <= last; line++) if (lines.has(line)) count++;
  return count;
}

/** A switch whose every case is one statement on one line: a table, not a procedure. */
function isClosedSwitch({ tree }: Source, node: ts.SwitchStatement): boolean {
  const lineAt = (position: number): number => tree.getLineAndCharacterOfPosition(position).line;
  return node.caseBlock.clauses.every(({ statements }) => {
    const [only] = statements;
    if (statements.length > 1 || only === undefined) return statements.length === 0;
    return lineAt(only.getStart(tree)) === lineAt(only.getEnd());
  });
}

/** The callback of `describe`, or of `withNats`, which is a list of tests and not a procedure. */
function isSuite(node: ts.Node): boolean {
  const { parent } = node;
  return ts.isCallExpression(parent) && /^(describe|withNats)\b/.test(parent.expression.getText());
}

// ---- words

/** Rooms that talk to a terminal; everybody else reports events. */
const terminals = /^(src\/cli\/|src\/platform-browser\.ts|examples\/|bench\/|scripts\/)/;

export const bannedWords: Rule = (source) => {
  const { path, tree } = source;
  const found: string[] = [];
  visit(tree, (node) => {
    const line = (): number => lineOf(source, node);
    if (node.kind === ts.SyntaxKind.AnyKeyword) {
      found.push(wrong("no any", source, line(), "say `unknown` and parse it, or name the type."));
    } else if (
      ts.isPropertyAccessExpression(node) &&
      /^(test|it|describe)\.only\b/.test(node.getText(tree))
    ) {
      found.push(wrong("no .only", source, line(), "run one test by its file: make test FILE=…"));
    } else if (
      ts.isIdentifier(node) &&
      node.text === "console" &&
      !isMemberName(node) &&
      !terminals.test(path)
    ) {
      const instead = isTest(path)
        ? "say it in a message of an assertion."
        : "report a typed event (engine/events.ts).";
      found.push(wrong("no console", source, line(), instead));
    }
  });
  return [...found, ...unfinished(source)];
};

/** Spelled so that this line is not one of them. */
const unfinishedWord = /\b(FIX(?:ME)|TO(?:DO))\b/;

function unfinished(source: Source): string[] {
  const found: string[] = [];
  for (const [at, text] of source.tree.text.split("\n").entries()) {
    const word = unfinishedWord.exec(text)?.[0];
    if (word === undefined) continue;
    found.push(wrong(`no ${word}`, source, at + 1, "do it now, or open an issue and name it."));
  }
  return found;
}

// ---- error codes

/** Codes that no test names. A code is documented behaviour: some test must provoke it. */
export function codesWithoutTest(codes: readonly string[], files: readonly Source[]): string[] {
  const tests = files.filter(({ path }) => isTest(path) || path.startsWith("src/testing/"));
  const named = new Set<string>();
  for (const { tree } of tests) {
    visit(tree, (node) => {
      if (ts.isStringLiteralLike(node))
        for (const [word] of node.text.matchAll(/[A-Z_]+/g)) named.add(word);
    });
  }
  return codes.filter((code) => !named.has(code));
}

// ---- what the package needs at run time

export interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
  readonly scripts?: Readonly<Record<string, string>>;
}

const dependenciesMax = 3;
const dependenciesKnown = new Set(["@photostructure/sqlite", "commander", "jose", "msgpackr"]);

export function runTime(manifest: Manifest): string[] {
  const found: string[] = [];
  const dependencies = Object.keys(manifest.dependencies ?? {});
  const at = "run-time dependencies: package.json:";
  if (dependencies.length > dependenciesMax) {
    found.push(`${at} ${dependencies.length} of them (limit ${dependenciesMax}): leave one out.`);
  }
  for (const name of dependencies.filter((name) => !dependenciesKnown.has(name))) {
    found.push(
      `${at} ${name} is not decided on: give reason, licence and importer in docs/decisions.`,
    );
  }
  for (const name of Object.keys(manifest.peerDependencies ?? {})) {
    if (manifest.peerDependenciesMeta?.[name]?.optional === true) continue;
    found.push(`${at} the peer ${name} is not optional: mark it so in peerDependenciesMeta.`);
  }
  for (const name of ["preinstall", "install", "postinstall", "prepare"]) {
    if (manifest.scripts?.[name] === undefined) continue;
    found.push(`${at} the script "${name}" runs on install: npm may skip it, so do without.`);
  }
  return found;
}
