// Services that tests over HTTP talk to: one of each kind, and one of each way to end.
import {
  handler,
  object,
  promise,
  service,
  shared,
  TerminalError,
  workflow,
} from "../../src/index.ts";

export const greeter = service("Greeter", {
  greet: handler({}, async (_ctx, name: string) => `Hello, ${name}`),
  async nothing() {},
  async echo(_ctx, input: unknown) {
    return input;
  },
  async headers(ctx) {
    return ctx.request().headers;
  },
  async refuse(_ctx, input: { code?: string; status?: number; data?: unknown }) {
    throw new TerminalError("bad thing", { status: 418, ...input });
  },
  async sleep(ctx, duration: `${number}s`) {
    await ctx.sleep(duration);
    return "slept";
  },
  async signalled(ctx) {
    return ctx.signal<unknown>("go");
  },
  fails: handler({ retry: { attempts: 1 } }, async () => {
    throw new Error("no more tries");
  }),
  hidden: handler({ ingress: "private" }, async () => "secret"),
});

export const counter = object("Counter", {
  async add(ctx, by: number) {
    const n = ((await ctx.get<number>("n")) ?? 0) + by;
    ctx.set("n", n);
    return n;
  },
  get: shared(async (ctx) => (await ctx.get<number>("n")) ?? 0),
  key: shared(async (ctx) => ctx.key),
});

export const signup = workflow(
  "Signup",
  { promises: { verified: promise<string>() } },
  {
    async run(ctx, email: string) {
      return `${email} ${await ctx.promise("verified")}`;
    },
    async verify(ctx, code: string) {
      ctx.promise("verified").resolve(code);
    },
  },
);

/** Awakeables are handed outside through `ids`. */
export function approval(ids: (id: string) => void) {
  return service("Approval", {
    async ask(ctx) {
      const { id, promise } = ctx.awakeable<unknown>();
      await ctx.run("hand out", () => ids(id));
      return promise;
    },
  });
}
