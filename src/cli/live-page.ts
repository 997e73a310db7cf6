// The live page of `dev`: three static files and the link that lets a browser in. All it shows comes
// from the admin routes; what it may do is its session's role. One route of its own: it ends the
// process, to be watched coming back.
import { readFileSync } from "node:fs";
import { HoldfastError } from "../model/errors.ts";
import type { AdminAuth } from "../server/admin-auth.ts";
import type { AdminRoute } from "../server/admin-route.ts";
import type { HttpResponse } from "../server/http.ts";

const files = [
  ["index.html", "text/html; charset=utf-8"],
  ["live.js", "text/javascript; charset=utf-8"],
  ["live.css", "text/css; charset=utf-8"],
] as const;

const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
  "img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

export function liveRoutes(auth: AdminAuth): AdminRoute[] {
  const pages = files.map(([name, type]): AdminRoute => {
    const body = readFileSync(new URL(`../../assets/live/${name}`, import.meta.url), "utf8");
    const headers = {
      "content-type": type,
      "content-security-policy": policy,
      "referrer-policy": "no-referrer",
    };
    const path = name === "index.html" ? "/live" : `/live/${name}`;
    return {
      method: "GET",
      path,
      role: "none",
      says: "The live page of `holdfast dev`; it holds no data.",
      answer: () => ({ status: 200, headers, body }),
    };
  });
  return [
    ...pages,
    {
      method: "GET",
      path: "/live/login",
      role: "none",
      says: "Lets a browser in, once per link.",
      query: { code: "what `holdfast dev` printed" },
      answer: (asked) => loggedIn(auth, asked.text("code")),
    },
    {
      method: "POST",
      path: "/live/kill-process",
      role: "admin",
      says: "Ends the process at once, as a crash does. `holdfast dev` starts it again.",
      answer: () => {
        setTimeout(() => process.kill(process.pid, "SIGKILL"), 50);
        return { status: 202, headers: {}, body: null };
      },
    },
  ];
}

function loggedIn(auth: AdminAuth, code: string | undefined): HttpResponse {
  const cookie = code === undefined ? undefined : auth.redeem(code);
  if (cookie === undefined) {
    throw new HoldfastError("UNAUTHENTICATED", {
      happened: "This link was used before, or is too old.",
      fix: "Use the newest link that `holdfast dev` has printed.",
    });
  }
  return { status: 303, headers: { "set-cookie": cookie, location: "/live" }, body: null };
}
