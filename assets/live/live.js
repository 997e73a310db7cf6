// The live page of `holdfast dev`: a list, one invocation as a timeline of its journal, why it waits in
// words, and buttons. Everything it shows is text: nothing that handlers wrote becomes markup.
const at = (id) => document.getElementById(id);
const rowsMax = 200;
const shownMax = 500;
let chosen = location.hash.slice(1) || undefined;
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

function button(text, act) {
  const made = element("button", text);
  made.dataset.action = text;
  made.addEventListener("click", () => told(act));
  return made;
}

function statusOf({ status, outcome, failure }) {
  if (outcome !== undefined) return outcome === "success" ? "succeeded" : "failed";
  return status === "running" && failure !== undefined ? "retrying" : status;
}

function spanText(ms) {
  if (ms < 1000) return `${ms} ms`;
  if (ms < 100_000) return `${(ms / 1000).toFixed(1)} s`;
  return ms < 6_000_000 ? `${Math.round(ms / 60_000)} min` : `${Math.round(ms / 3_600_000)} h`;
}

function tookText({ createdAt, completedAt }) {
  return completedAt === undefined ? "" : spanText(Date.parse(completedAt) - Date.parse(createdAt));
}

function rowOf(invocation) {
  const row = document.createElement("tr");
  const status = statusOf(invocation);
  row.dataset.id = invocation.id;
  row.tabIndex = 0;
  row.className = invocation.id === chosen ? "chosen" : "";
  row.append(
    element("td", invocation.target),
    element("td", status, status),
    element("td", new Date(invocation.createdAt).toLocaleTimeString()),
    element("td", tookText(invocation)),
    element("td", String(invocation.attempts)),
  );
  const { failure } = invocation;
  if (failure !== undefined) row.title = `${failure.code}: ${failure.message}`;
  return row;
}

async function showList() {
  const [status, service] = [at("status").value, at("service").value];
  const filter = { ...(status && { status }), ...(service && { service }) };
  const [{ invocations }, { count }] = await Promise.all([
    ask(`/invocations?${new URLSearchParams({ limit: String(rowsMax), ...filter })}`),
    ask(`/invocations/count?${new URLSearchParams(filter)}`),
  ]);
  const focused = document.activeElement?.closest?.("#rows tr")?.dataset.id;
  at("rows").replaceChildren(...invocations.map(rowOf));
  if (focused !== undefined) {
    [...at("rows").children].find(({ dataset }) => dataset.id === focused)?.focus();
  }
  at("empty").hidden = invocations.length > 0;
  at("count").textContent =
    invocations.length < count ? `the newest ${rowsMax} of ${count}` : `${count} invocations`;
}

/** Text of a payload or a failure; undefined where there is neither. */
function valueText({ value, failure }) {
  if (failure !== undefined) return `${failure.code}: ${failure.message}`;
  const text = value?.value === undefined ? value?.preview : JSON.stringify(value.value);
  return text?.slice(0, shownMax);
}

/** What a handler asked for, each with when it was answered and how: one row of the timeline. */
function stepsOf(entries, open) {
  const steps = new Map();
  for (const entry of entries) {
    const asked = steps.get(entry.command);
    if (entry.type === "command") steps.set(entry.command, { ...entry, start: Date.parse(entry.at) });
    else if (asked === undefined) steps.set(`n${entry.index}`, { ...entry, start: Date.parse(entry.at) });
    else Object.assign(asked, { end: Date.parse(entry.at), value: entry.value, failure: entry.failure });
  }
  for (const { command, failure, tries, due } of open) {
    const asked = steps.get(command);
    if (asked !== undefined) Object.assign(asked, { open: true, failure, tries, due });
  }
  return [...steps.values()];
}

function notesOf({ open, tries, due, failure, value }) {
  const failed = failure !== undefined;
  const notes = [[valueText({ value, failure }), failed ? "told failed" : "told"]];
  if (tries !== undefined) notes.push([`${tries} tries so far`, "told"]);
  if (open && due !== undefined) {
    notes.push([`due ${new Date(due).toLocaleString()}`, "told"]);
  }
  return notes.filter(([text]) => text !== undefined);
}

function stepRow(step, since, until) {
  const row = document.createElement("li");
  const end = step.open ? until : (step.end ?? step.start);
  const of = Math.max(until - since, 1);
  const bar = element("span", "", `bar${step.open ? " open" : ""}${step.failure ? " failed" : ""}`);
  bar.style.marginLeft = `${((step.start - since) / of) * 99}%`;
  bar.style.width = `${((end - step.start) / of) * 99}%`;
  const rail = element("div", "", "rail");
  rail.append(bar);
  const title = element("span", `${step.title} `, "title");
  if (step.callee !== undefined) title.append(button("show", () => choose(step.callee)));
  row.append(
    element("span", String(step.index), "number"),
    element("span", spanText(step.start - since), "number"),
    title,
    rail,
    ...notesOf(step).map(([text, className]) => element("span", text, className)),
  );
  return row;
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
    .map(([name]) =>
      button(name, async () => {
        await ask(`/invocations/${id}/${name}`, "PATCH");
        await refresh();
      }),
    );
}

function valuesOf({ input, output, failure, outcome }) {
  const rows = [
    ["input", valueText({ value: input }), ""],
    ["result", valueText({ value: output, failure: outcome && failure }), failure ? "failed" : ""],
  ];
  return rows
    .filter(([, text]) => text !== undefined)
    .flatMap(([name, text, className]) => [element("dt", name), element("dd", text, className)]);
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
  const status = statusOf(one);
  at("target").replaceChildren(`${one.target}: `, element("span", status, status));
  at("id").textContent = one.id;
  at("actions").replaceChildren(...buttonsOf(one));
  at("values").replaceChildren(...valuesOf(one));
  at("why").textContent = lines.slice(1).join("\n");
  const since = Date.parse(one.createdAt);
  const until = Date.parse(one.completedAt ?? one.modifiedAt);
  const rows = stepsOf(entries, one.open).map((step) => stepRow(step, since, until));
  at("journal").replaceChildren(...rows);
}

async function choose(id) {
  chosen = id;
  history.replaceState(null, "", `#${id}`);
  for (const row of at("rows").children) row.className = row.dataset.id === chosen ? "chosen" : "";
  await showOne();
}

async function showServices() {
  const { services } = await ask("/services");
  const names = ["", ...services.map(({ name }) => name)];
  const [select, kept] = [at("service"), at("service").value];
  select.replaceChildren(...names.map((name) => new Option(name || "all", name)));
  if (names.includes(kept)) select.value = kept;
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

function stateIs(text, className = "") {
  at("state").textContent = text;
  at("state").className = className;
}

function listen() {
  const events = new EventSource("/events");
  events.addEventListener("open", () => {
    stateIs("live", "live");
    void told(showServices);
    soon();
  });
  events.addEventListener("error", () => {
    stateIs("the process is away; waits for it to come back…");
    // A browser gives up after some errors: then it is asked anew.
    if (events.readyState === EventSource.CLOSED) setTimeout(listen, 1000);
  });
  const kinds = ["created", "inboxed", "started", "suspended", "asked", "learned", "step-failed"];
  const more = ["attempt-failed", "paused", "succeeded", "failed", "purged", "state-edited", "missed"];
  for (const kind of [...kinds, ...more]) events.addEventListener(kind, soon);
}

function chooseRow({ target }) {
  const id = target.closest("tr")?.dataset.id;
  if (id !== undefined) void told(() => choose(id));
}

at("rows").addEventListener("click", chooseRow);
at("rows").addEventListener("keydown", (event) => event.key === "Enter" && chooseRow(event));
for (const id of ["status", "service"]) at(id).addEventListener("change", () => void told(refresh));
at("kill-process").addEventListener("click", () =>
  told(() => ask("/live/kill-process", "POST")),
);
listen();
