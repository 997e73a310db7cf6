// An object that calls itself, in every way of writing a handler. A self-call whose result is used
// needs the handler's return type written out, else the definition has no type (TS7022).

import { z } from "zod";
import { handler, object, shared } from "../../src/sdk/definition.ts";

export const x = object(
  "X",
  { state: { n: 0 } },
  {
    a: handler({ input: z.string() }, async (ctx, s): Promise<number> => {
      ctx.send(x, ctx.key).b(s);
      return ctx.call(x, ctx.key).b(s);
    }),
    b: handler({ input: z.string() }, async (ctx, _s) => ctx.get("n")),
    c: shared(async (ctx): Promise<number> => ctx.call(x, ctx.key).b("1")),
    d: async (ctx, s: string): Promise<number> => ctx.call(x, ctx.key).b(s),
  },
);
