// The live page of `holdfast dev`: a list, one invocation as a timeline of its journal, why it waits in
// words, and buttons. Everything it shows is text: nothing that handlers wrote becomes markup.
const at = (id) => document.getElementById(id);
const rowsMax = 200;
let chosen;
let timer;
let asking = false;
let again = false;

async function ask(path, method = "GET") {
  const response = await fetch(path, {
    method,
    headers: method === "GET" ? {} : { "x-holdfast-csrf": "1", "content-type": "application/json" },
  });
  const text = await response.text();
  const body = text === "" ? undefined : JSON.parse(text);
  if (!response.ok) throw new Error(body?.message ?? String(response.status));
  return body;
}

function element(tag, text, className = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  made.className = className;
  return made;
}

function statusOf({ status, outcome }) {
  if (outcome === undefined) return status;
  return outcome === "success" ? "succeeded" : "failed";
}

function rowOf(invocation) {
  const row = document.createElement("tr");
  const status = statusOf(invocation);
  row.dataset.id = invocation.id;
  row.className = invocation.id === chosen ? "chosen" : "";
  row.append(
    element("td", invocation.target),
    element("td", status, status),
    element("td", invocation.createdAt.slice(11, 23)),
    element("td", String(invocation.attempts)),
  );
  return row;
}

async function showList() {
  const status = at("status").value;
  const query = new URLSearchParams({ limit: String(rowsMax), ...(status && { status }) });
  const { invocations } = await ask(`/invocations?${query}`);
  at("rows").replaceChildren(...invocations.map(rowOf));
}

function entryOf(entry, since, span) {
  const line = document.createElement("li");
  const ms = Date.parse(entry.at) - since;
  const arrow = entry.type === "command" ? "→" : "←";
  line.append(
    element("span", String(entry.index), "ms"),
    element("span", `${ms} ms`, "ms"),
    element("span", `${arrow} ${entry.title}`, "title"),
  );
  const told = entry.failure
    ? `${entry.failure.code}: ${entry.failure.message}`
    : entry.value?.value !== undefined
      ? JSON.stringify(entry.value.value).slice(0, 500)
      : entry.value?.preview?.slice(0, 500);
  if (told !== undefined) line.append(element("span", told, entry.failure ? "value failed" : "value"));
  const bar = document.createElement("progress");
  bar.max = Math.max(span, 1);
  bar.value = ms;
  line.append(bar);
  return line;
}

const actions = {
  cancel: (status) => status !== "completed",
  resume: (status) => status === "paused" || status === "backing-off",
  pause: (status) => ["running", "suspended", "backing-off", "ready"].includes(status),
  kill: (status) => status !== "completed",
  "restart-as-new": (status) => status === "completed",
};

function buttonsOf({ id, status }) {
  return Object.entries(actions)
    .filter(([, fits]) => fits(status))
    .map(([name]) => {
      const button = element("button", name);
      button.dataset.action = name;
      button.addEventListener("click", () =>
        told(async () => {
          await ask(`/invocations/${id}/${name}`, "PATCH");
          await refresh();
        }),
      );
      return button;
    });
}

async function showOne() {
  at("one").hidden = chosen === undefined;
  if (chosen === undefined) return;
  const path = `/invocations/${encodeURIComponent(chosen)}`;
  const [one, { lines }, { entries }] = await Promise.all([
    ask(path),
    ask(`${path}/why`),
    ask(`${path}/journal?limit=1000`),
  ]);
  at("target").textContent = `${one.target}: ${statusOf(one)}`;
  at("id").textContent = one.id;
  at("actions").replaceChildren(...buttonsOf(one));
  at("why").textContent = lines.join("\n");
  const since = Date.parse(one.createdAt);
  const last = Date.parse(entries.at(-1)?.at ?? one.createdAt);
  at("journal").replaceChildren(...entries.map((entry) => entryOf(entry, since, last - since)));
}

/** One round at a time; what changes meanwhile asks for one more. */
async function refresh() {
  if (asking) {
    again = true;
    return;
  }
  asking = true;
  try {
    do {
      again = false;
      await showList();
      await showOne();
    } while (again);
  } finally {
    asking = false;
  }
}

async function told(work) {
  try {
    await work();
    at("notice").textContent = "";
  } catch (error) {
    at("notice").textContent = error.message;
  }
}

function soon() {
  timer ??= setTimeout(() => {
    timer = undefined;
    void told(refresh);
  }, 250);
}

function listen() {
  const events = new EventSource("/events");
  events.addEventListener("open", () => {
    at("state").textContent = "live";
    soon();
  });
  events.addEventListener("error", () => {
    at("state").textContent = "the process is away; waits for it to come back…";
    // A browser gives up after some errors: then it is asked anew.
    if (events.readyState === EventSource.CLOSED) setTimeout(listen, 1000);
  });
  const kinds = ["created", "inboxed", "started", "suspended", "asked", "learned", "step-failed"];
  const more = ["attempt-failed", "paused", "succeeded", "failed", "purged", "state-edited", "missed"];
  for (const kind of [...kinds, ...more]) events.addEventListener(kind, soon);
}

at("rows").addEventListener("click", ({ target }) => {
  chosen = target.closest("tr")?.dataset.id;
  for (const row of at("rows").children) row.className = row.dataset.id === chosen ? "chosen" : "";
  void told(showOne);
});
at("status").addEventListener("change", () => void told(refresh));
at("kill-process").addEventListener("click", () =>
  told(() => ask("/live/kill-process", "POST")),
);
listen();
void told(refresh);
