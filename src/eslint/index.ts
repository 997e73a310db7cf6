// Rules for ESLint and oxlint, published as `holdfast/eslint`: mistakes in handlers that would only be seen on
// replay. Plain rule objects over the syntax, without types and without a dependency. A handler is a
// function in what service(), object(), workflow(), implement(), handler() or shared() is given, and
// any function whose first parameter is called ctx.

interface Node {
  readonly type: string;
  /** Null above the program. */
  readonly parent?: Node | null;
  readonly [name: string]: unknown;
}

interface RuleContext {
  report(found: {
    readonly node: Node;
    readonly messageId: string;
    readonly data?: Readonly<Record<string, string>>;
  }): void;
}

export interface Rule {
  readonly meta: {
    readonly type: "problem";
    readonly docs: { readonly description: string; readonly url: string };
    readonly schema: readonly [];
    readonly messages: Readonly<Record<string, string>>;
  };
  create(context: RuleContext): Readonly<Record<string, (node: never) => void>>;
}

const url = "docs/determinism.md";
const definers = new Set(["service", "object", "workflow", "implement", "handler", "shared"]);
const functions = new Set(["FunctionExpression", "ArrowFunctionExpression", "FunctionDeclaration"]);
/** Methods of a context whose promise somebody must look at. */
const promising = new Set(["run", "sleep", "timeout", "attach", "signal", "stateKeys", "get"]);

/** What differs on replay, by its text, and what to write instead. */
const differing: ReadonlyMap<string, string> = new Map([
  ["Date.now", "ctx.date.now()"],
  ["performance.now", "ctx.date.now()"],
  ["process.hrtime", "ctx.date.now()"],
  ["Math.random", "ctx.rand.random()"],
  ["crypto.randomUUID", "ctx.rand.uuid()"],
  ["crypto.getRandomValues", "ctx.rand"],
]);
const effects: ReadonlyMap<string, string> = new Map([
  ["fetch", "ctx.run(name, () => fetch(…))"],
  ["setTimeout", "ctx.sleep"],
  ["setInterval", "ctx.sleep"],
  ["setImmediate", "ctx.sleep"],
]);

function of(node: Node, name: string): Node | undefined {
  return node[name] as Node | undefined;
}

/** `a.b` as text, `a` alone as well; undefined for anything else. */
function textOf(node: Node | undefined): string | undefined {
  if (node?.type === "Identifier") return node["name"] as string;
  if (node?.type !== "MemberExpression" || node["computed"] === true) return undefined;
  const object = textOf(of(node, "object"));
  const property = of(node, "property")?.["name"];
  if (object === undefined || typeof property !== "string") return undefined;
  return `${object.replace(/^globalThis\./, "")}.${property}`;
}

function firstParameter(fn: Node): string | undefined {
  const [first] = fn["params"] as readonly Node[];
  return first?.type === "Identifier" ? (first["name"] as string) : undefined;
}

function isHandler(fn: Node): boolean {
  if (firstParameter(fn) === "ctx") return true;
  let { parent } = fn;
  while (parent?.type === "Property" || parent?.type === "ObjectExpression") ({ parent } = parent);
  if (parent?.type !== "CallExpression") return false;
  return definers.has(textOf(of(parent, "callee")) ?? "");
}

/** The name of the context of the handler that runs this; undefined in a body and elsewhere. */
function contextAt(node: Node): string | undefined {
  for (let at: Node | null | undefined = node; at != null; at = at.parent) {
    if (!functions.has(at.type)) continue;
    if (isHandler(at)) return firstParameter(at) ?? "ctx";
    const call: Node | null | undefined = at.parent;
    const callee = call?.type === "CallExpression" ? textOf(of(call, "callee")) : undefined;
    if (callee?.endsWith(".run") === true) return undefined;
  }
  return undefined;
}

function rule(
  description: string,
  message: string,
  create: (context: RuleContext) => Readonly<Record<string, (node: Node) => void>>,
): Rule {
  const meta = {
    type: "problem",
    docs: { description, url },
    schema: [],
    messages: { found: message },
  } as const;
  return { meta, create: create as Rule["create"] };
}

/** The context method that a promise comes from: `ctx.run(…)`, `ctx.call(target).method(…)`. */
function promiseOf(node: Node, context: string): string | undefined {
  if (node.type !== "CallExpression") return undefined;
  const callee = of(node, "callee");
  const text = textOf(callee);
  if (text !== undefined) {
    const [object, method = ""] = text.split(".");
    return object === context && promising.has(method) ? text : undefined;
  }
  const target = callee?.type === "MemberExpression" ? of(callee, "object") : undefined;
  if (target?.type !== "CallExpression") return undefined;
  return textOf(of(target, "callee")) === `${context}.call` ? `${context}.call` : undefined;
}

function usesOf(words: ReadonlyMap<string, string>) {
  return (context: RuleContext): Readonly<Record<string, (node: Node) => void>> => ({
    CallExpression(node) {
      const what = textOf(of(node, "callee"))?.replace(/^globalThis\./, "") ?? "";
      const instead = words.get(what);
      if (instead === undefined || contextAt(node) === undefined) return;
      context.report({ node, messageId: "found", data: { what: `${what}()`, instead } });
    },
  });
}

const used = usesOf(differing);

export const rules: Readonly<Record<string, Rule>> = {
  "await-context": rule(
    "What a handler asks of its context is awaited.",
    "Nobody looks at the promise of {{what}}: await it, or use ctx.send where the result does not matter.",
    (context) => ({
      ExpressionStatement(node) {
        let expression = of(node, "expression") as Node;
        if (expression.type === "UnaryExpression") expression = of(expression, "argument") as Node;
        const name = contextAt(node);
        const what = name === undefined ? undefined : promiseOf(expression, name);
        if (what !== undefined) context.report({ node, messageId: "found", data: { what } });
      },
    }),
  ),
  "no-nondeterminism": rule(
    "A handler asks its context for time and chance.",
    "{{what}} is not the same on replay: use {{instead}}, or put it into ctx.run.",
    (context) => ({
      ...used(context),
      NewExpression(node) {
        const bare = (node["arguments"] as readonly Node[]).length === 0;
        if (!bare || textOf(of(node, "callee")) !== "Date" || contextAt(node) === undefined) return;
        const data = { what: "new Date()", instead: "new Date(ctx.date.now())" };
        context.report({ node, messageId: "found", data });
      },
    }),
  ),
  "no-effects": rule(
    "A handler has effects in steps only.",
    "{{what}} is repeated on replay and is not in the journal: use {{instead}}.",
    usesOf(effects),
  ),
};

export const meta: { readonly name: string } = { name: "holdfast" };

const names = Object.keys(rules).map((name) => [`holdfast/${name}`, "error"] as const);

/** All rules, for a flat configuration: `export default [holdfast.configs.recommended]`. */
export const configs: {
  readonly recommended: {
    readonly plugins: { readonly holdfast: { readonly rules: typeof rules } };
    readonly rules: Readonly<Record<string, "error">>;
  };
} = {
  recommended: { plugins: { holdfast: { rules } }, rules: Object.fromEntries(names) },
};

/** What oxlint's `jsPlugins` take, which asks for a default export. */
const plugin: { readonly meta: typeof meta; readonly rules: typeof rules } = { meta, rules };

export { plugin as default };
