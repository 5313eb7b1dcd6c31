// The frame: which page is shown, what its address says, keys that hold everywhere, and news.

import { ask, Away, follow, Refused, useToken } from "./data.js";
import { h, put, typing } from "./dom.js";
import { counted } from "./format.js";
import pages from "./pages.js";
import { problem } from "./problems.js";

const main = document.getElementById("main");
const notice = document.getElementById("notice");
const state = { page: null, shown: null, facts: null, live: null, turn: 0, at: -1 };

// Those that there are: a page of a report may have no sense on a server, and the other way round.
const there = () => pages.filter((page) => !page.only || page.only === (state.facts?.is_report ? "report" : "view"));
const titled = () => there().filter((page) => page.title);

// #TOKEN/PAGE?QUERY
function here() {
  const [path, query = ""] = location.hash.slice(1).split(/\?(.*)/s);
  const [token, name = ""] = path.split("/");
  return { token, name, query: new URLSearchParams(query) };
}

function link(name, query = {}) {
  const words = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== ""));
  return `#${here().token}/${name}${words.size ? `?${words}` : ""}`;
}

function go(name, query = {}) {
  location.hash = link(name, query);
}

function set(changes) {
  const { name, query } = here();
  for (const [key, value] of Object.entries(changes))
    if (value === null || value === "" || value === undefined) query.delete(key);
    else query.set(key, value);
  history.replaceState(history.state, "", link(name || state.page.name, Object.fromEntries(query)));
}

export class Problems extends Error {
  constructor(problems) {
    super(problems.map((each) => `${each.summary}: ${each.detail}`).join("\n"));
    this.problems = problems;
  }
}

async function value(name, query) {
  const got = await ask(name, query);
  if (got !== null && Array.isArray(got.problems) && Object.keys(got).length === 1) throw new Problems(got.problems);
  return got;
}

// The page that an address names, or that whoever comes without a name wants to see.
async function meant(name) {
  const named = (wanted) => there().find((each) => each.name === wanted);
  return named(name) ?? named(state.facts?.opens || (await value("opens")).page) ?? there()[0];
}

async function show() {
  const { name, query } = here();
  state.at = history.state?.at ?? state.at + 1; // how far this is from where one came in
  history.replaceState({ at: state.at }, "");
  const turn = (state.turn += 1);
  let page;
  try {
    page = await meant(name);
  } catch (wrong) {
    return turn === state.turn ? put(main, trouble(wrong)) : null;
  }
  if (turn !== state.turn || (state.page === page && state.shown?.turn?.(query))) return;
  state.shown?.leave?.();
  state.shown = null;
  state.page = page;
  head();
  const root = h("div", { class: `page page-${page.name}` });
  try {
    const shown = await page.draw({ root, query, set, link, go, ask: value, facts: state.facts });
    if (turn !== state.turn) return shown?.leave?.();
    put(main, root);
    state.shown = shown ?? {};
    state.shown.drawn?.();
  } catch (wrong) {
    if (turn === state.turn) put(main, trouble(wrong));
  }
  document.title = `${state.facts?.name ?? "runner"} · ${page.title ?? page.name}`;
}

function trouble(wrong) {
  if (wrong instanceof Refused)
    return empty("This address is of an earlier start", "Each start of `runner view` has an address of its own. Take the one that it printed last.");
  if (wrong instanceof Away) return empty("Nobody answers", "The server of this page has ended. `runner view` starts it again.");
  if (!(wrong instanceof Problems)) throw wrong;
  return h("div", { class: "troubles" }, wrong.problems.map(problem));
}

function empty(title, text) {
  return h("section", { class: "trouble" }, h("h1", {}, title), h("p", {}, text));
}

// -- the head

function head() {
  const facts = state.facts;
  const tabs = titled().map((page) =>
    h("a", { href: link(page.name), "aria-current": page === state.page || page.name === state.page?.under ? "page" : null }, page.title));
  put(document.getElementById("top"),
    h("a", { class: "name", href: link("") },
      h("strong", {}, facts?.name ?? "runner"),
      facts?.workspace ? h("span", { class: "workspace" }, facts.workspace) : null),
    h("nav", { "aria-label": "Pages" }, tabs),
    h("div", { class: "tools" },
      facts?.is_report ? null : h("span", { class: state.live === false ? "live gone" : "live", title: facts ? `${facts.state}, serial ${facts.serial}, ${counted(facts.answers, "answer")}` : "" },
        { true: "live", false: "ended", null: "…" }[state.live]),
      h("button", { type: "button", class: "plain", onclick: dark, "aria-label": "Light or dark" }, "◐"),
      h("button", { type: "button", class: "plain", onclick: help, "aria-label": "Keys" }, "?")));
  document.querySelector("#top [aria-current]")?.scrollIntoView({ inline: "nearest", block: "nearest" });
}

function dark() {
  const root = document.documentElement;
  const now = root.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  root.dataset.theme = now === "dark" ? "light" : "dark";
  try {
    localStorage.setItem("runner.theme", root.dataset.theme);
  } catch {
    // A file that was opened where nothing may be kept: then for now.
  }
}

function help() {
  const keys = [["/", "filter"], ["j k, arrows", "next, the one before"], ["Enter", "open"], ["Esc", "back, or out of the filter"],
    ...(state.shown?.help ?? []),
    ...titled().map((page, at) => [`g ${at + 1}`, page.title]), ["?", "these keys"]];
  const box = h("dialog", { class: "help", "aria-label": "Keys" },
    h("h2", {}, "Keys"),
    h("dl", {}, keys.flatMap(([key, does]) => [h("dt", {}, key.split(", ").flatMap((part, at) => [at ? ", " : null, ...part.split(" ").flatMap((one, n) => [n ? " " : null, h("kbd", {}, one)])])), h("dd", {}, does)])),
    h("form", { method: "dialog" }, h("button", {}, "Close")));
  box.addEventListener("close", () => box.remove());
  document.body.append(box);
  box.showModal();
}

// -- keys

let leading = 0;

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (typing()) {
    if (event.key === "Escape") document.activeElement.blur();
    else if (!(event.key === "Enter" || event.key === "ArrowDown") || !document.activeElement.matches("[type=search]")) return;
    if (event.key !== "Escape") document.activeElement.blur();
    return event.preventDefault();
  }
  if (pressed(event)) event.preventDefault();
});

// Where one came from; from an address that was opened, to the list that the page is of.
function back() {
  if (state.at > 0) history.back();
  else if (state.page?.under) go(state.page.under);
}

function pressed(event) {
  if (Date.now() - leading < 1500 && /^[1-9]$/.test(event.key)) {
    const page = titled()[Number(event.key) - 1];
    leading = 0;
    if (page) go(page.name);
    return true;
  }
  if (event.key === "Enter" && document.activeElement.matches("a, button, summary")) return false;
  if (event.key === " ") return false;
  if (state.shown?.key?.(event)) return true;
  switch (event.key) {
    case "g": leading = Date.now(); return true;
    case "?": help(); return true;
    case "Escape": back(); return true;
    case "/": {
      const filter = main.querySelector("input[type=search]");
      filter?.focus();
      filter?.select();
      return Boolean(filter);
    }
    default: return false;
  }
}

// -- news

async function news(names) {
  try {
    if (names === null || names.some((name) => name !== "run")) {
      state.facts = await value("project");
      head();
    }
    const about = state.page?.about ?? [];
    if (names !== null && !names.some((name) => about.includes(name))) return;
    if (state.shown === null) await show();
    else await state.shown.renew?.(names);
  } catch (wrong) {
    if (wrong instanceof Away) return;
    state.shown?.leave?.();
    state.shown = null; // what it showed is gone: drawn again with the next news
    put(main, trouble(wrong));
  }
}

function contact(there, refused = false) {
  state.live = there;
  head();
  put(notice, there ? null : h("p", {}, refused
    ? "The server was started again, and has another address: take the one that `runner view` printed last."
    : "The server has ended. What is shown is what it was; `runner view` starts it again."));
}

document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
addEventListener("hashchange", show);
useToken(here().token);
value("project").then((facts) => (state.facts = facts)).then(show, (wrong) => {
  head();
  put(main, trouble(wrong));
}).then(() => put(notice, state.facts?.notice ? h("p", {}, state.facts.notice) : null)).then(() => follow(news, contact));
