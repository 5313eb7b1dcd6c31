// One answer: what was asked, what came, what checks say, and how it came to be.

import { h, put } from "../dom.js";
import { age, compact, counted, dollars, named, seconds } from "../format.js";
import { rendered } from "../markdown.js";
import { beside } from "../order.js";

const WORDS = { "+": "holds", "-": "does not hold", "?": "could not be told" };
const MOST = 50000; // characters of a text that are shown at once
const SIGNS = { "+": "✓", "-": "✕", "?": "?" };

async function draw(view) {
  const address = view.query.get("a") ?? "";
  let { page, verdicts, outdated } = await view.ask("answer", asked());
  const index = await view.ask("index");
  let look = view.query.get("as") ?? "text";

  function own() {
    return { a: address, source: view.query.get("source") };
  }

  function asked() {
    return own().source ? own() : { a: address };
  }

  function drawn() {
    put(view.root, head(), h("div", { class: "split" },
      h("div", { class: "talk" }, page.asked.length ? section("Asked", page.asked.map(turn), "asked") : null,
        page.choices.map((choice, at) => answer(choice, at)), tools(), parameters()),
      h("aside", { class: "facts", "aria-label": "About this answer" }, said(), facts(), around(), origin())));
  }

  function head() {
    const [of, key] = named(page.address);
    const [before, after] = beside(index, own());
    const step = (to, text, label) => (to ? h("a", { class: "step", href: view.link("answer", to), "aria-label": label }, text) : null);
    return h("div", { class: "title" },
      h("h1", {}, h("span", { class: "of" }, of), key ? h("span", { class: "key" }, key) : null),
      h("div", { class: "steps" }, view.facts?.is_report ? null : h("a", { href: view.link("history", { a: page.address }) }, "versions"), step(before, "← k", "The answer before"), step(after, "j →", "The next answer")),
      page.status === "complete" ? null : h("p", { class: "tag" }, page.status.replace("_", " ")),
      page.warning ? h("p", { class: "warning" }, page.warning) : null);
  }

  const section = (title, inside, kind = "") => h("section", { class: kind }, h("h2", {}, title), inside);

  function turn(one) {
    return h("article", { class: `turn role-${/^\w+$/.test(one.role) ? one.role : "other"}` }, h("h3", {}, one.role || "answer"), one.parts.map(part));
  }

  // Of a very long text the beginning, until somebody wants all of it.
  function long(text) {
    if (text.length <= MOST) return text;
    const rest = h("button", { type: "button", class: "more", onclick: () => rest.replaceWith(text.slice(MOST)) }, `${(text.length - MOST).toLocaleString("en-US")} characters more`);
    return [text.slice(0, MOST), rest];
  }

  const part = (one) => h("div", { class: "part" }, one.label ? h("span", { class: "label" }, one.label) : null, h("div", { class: "text", dir: "auto" }, long(one.text)));

  function answer(choice, at) {
    const several = page.choices.length > 1;
    const text = choice.turn.parts.filter((each) => !each.label).map((each) => each.text).join("\n");
    const looks = [["text", "Text"], ["markdown", "Markdown"], choice.json ? ["json", "JSON"] : null, choice.tokens.length ? ["likely", "How sure"] : null].filter(Boolean);
    const shown = looks.some(([name]) => name === look) ? look : "text";
    const body = shown === "json" ? h("pre", { class: "text code" }, choice.json)
      : shown === "markdown" ? h("div", { class: "text markdown", dir: "auto" }, rendered(text.slice(0, MOST)))
      : shown === "likely" ? h("div", { class: "text" }, choice.tokens.map(token)) : choice.turn.parts.map(part);
    return h("section", { class: "answered" },
      h("h2", {}, several ? `Answer ${at + 1} of ${page.choices.length}` : "Answered", choice.finish_reason && choice.finish_reason !== "stop" ? h("em", { class: "tag" }, choice.finish_reason.replace("_", " ")) : null,
        h("span", { class: "looks", role: "group", "aria-label": "Shown as" }, looks.map(([name, title]) => h("button", { type: "button", "aria-pressed": String(name === shown), onclick: () => as(name) }, title)))),
      h("article", { class: "turn role-answer" }, body));
  }

  // A token as dark as it was unlikely: one of ten steps.
  function token({ text, logprob }) {
    const likely = Math.exp(logprob);
    return h("span", { class: `likely l${Math.max(0, Math.min(9, Math.floor((1 - likely) * 10)))}`, title: `${(100 * likely).toFixed(1)} %` }, text);
  }

  function as(name) {
    look = name;
    view.set({ as: name === "text" ? null : name });
    drawn();
    view.root.querySelector(`.looks [aria-pressed=true]`)?.focus();
  }

  function parameters() {
    const held = Object.entries(page.parameters);
    return held.length ? section("With", h("dl", { class: "pairs" }, held.flatMap(([name, value]) => [h("dt", {}, name), h("dd", { class: "code" }, value)])), "with") : null;
  }

  function tools() {
    return page.tools.length ? section("Tools", page.tools.map(([name, text]) => h("details", {}, h("summary", {}, name), h("pre", { class: "code", tabindex: "0" }, text)))) : null;
  }

  function said() {
    if (!verdicts.length) return null;
    return section("Checks", h("ul", { class: "verdicts" }, verdicts.map((each) => h("li", { class: each.mark === "-" ? "fail" : "" },
      h("p", {}, h("span", { class: "sign", "aria-hidden": "true" }, SIGNS[each.mark]), h("strong", {}, each.check.replace("check.", "")), ` ${each.score === null ? WORDS[each.mark] : `scores ${each.score.toFixed(2)}`}`),
      each.faults.map(([expected, got]) => h("dl", {}, h("dt", {}, "expected"), h("dd", {}, expected), h("dt", {}, "got"), h("dd", {}, got))),
      each.why ? h("p", { class: "why" }, each.why) : null))));
  }

  function facts() {
    const rows = [
      ["model", page.model], ["provider", page.provider],
      ["tokens", page.prompt_tokens === null ? "" : `${compact(page.prompt_tokens)} in, ${compact(page.completion_tokens)} out${page.cached_tokens ? `, ${compact(page.cached_tokens)} cached` : ""}`],
      ["cost", page.cost === null ? "unknown" : dollars(page.cost)],
      ["time", `${seconds(page.seconds)}${page.attempts > 1 ? `, ${page.attempts} attempts` : ""}`],
      ["asked", page.issued_at ? `${age(page.issued_at)} ago`.replace("now ago", "just now") : ""],
      page.maybe_billed ? ["billed", `${counted(page.maybe_billed, "attempt")} without an answer may have been`] : null,
    ];
    return section("Facts", h("dl", { class: "pairs" }, rows.filter((row) => row?.[1]).flatMap(([name, value]) => [h("dt", {}, name), h("dd", { title: name === "asked" ? page.issued_at : null }, value)])));
  }

  function around() {
    const list = (title, held) => (held.length ? [h("h3", {}, title), h("ul", { class: "links" }, held.slice(0, 50).map((each) => h("li", {}, index.address.includes(each) ? h("a", { href: view.link("answer", { a: each }) }, each) : each)), held.length > 50 ? h("li", {}, `and ${held.length - 50} more`) : null)] : []);
    const inside = [...list("Made of", page.depends_on), ...list("Used by", page.dependents)];
    return inside.length ? section("Around it", inside) : null;
  }

  function origin() {
    const now = outdated === null ? null : outdated ? "The configuration asks something else now: the next apply asks again." : "The configuration asks the same now.";
    return section("How it came to be", [
      now ? h("p", { class: outdated ? "warning" : "" }, now) : null,
      h("dl", { class: "pairs" }, h("dt", {}, "fingerprint"), h("dd", { class: "code break" }, page.fingerprint),
        h("dt", {}, "of"), h("dd", {}, `the request, and who answers: ${page.identity}`),
        page.sample ? [h("dt", {}, "sample"), h("dd", {}, String(page.sample))] : null,
        page.triggers ? [h("dt", {}, "triggers"), h("dd", { class: "code break" }, page.triggers)] : null),
      page.curl ? h("div", { class: "copy" }, copier("Copy as curl", page.curl), h("span", {}, "without the key")) : null,
      page.line ? [h("div", { class: "copy" }, copier("Copy the line", page.line), h("span", {}, "of the state")),
        h("details", {}, h("summary", {}, "The line as JSON"), h("pre", { class: "code", tabindex: "0" }, long(pretty(page.line))))] : null]);
  }

  drawn();
  return {
    drawn: () => document.getElementById("main").focus({ preventScroll: true }),
    async renew() {
      const got = await view.ask("answer", asked());
      if (got.page === page) return;
      ({ page, verdicts, outdated } = got);
      const top = scrollY;
      drawn();
      scrollTo(0, top);
    },
    key(event) {
      if (event.key !== "j" && event.key !== "k") return false;
      const [before, after] = beside(index, own());
      const to = event.key === "j" ? after : before;
      if (to) history.replaceState(history.state, "", view.link("answer", to)), dispatchEvent(new HashChangeEvent("hashchange"));
      return true;
    },
    help: [["j k", "the next answer of the list, the one before"]],
  };
}

function pretty(line) {
  try {
    return JSON.stringify(JSON.parse(line), null, 2);
  } catch {
    return line;
  }
}

function copier(title, text) {
  const button = h("button", { type: "button", async onclick() {
    await navigator.clipboard.writeText(text).then(() => (button.textContent = "Copied"), () => (button.textContent = "Not allowed"));
    setTimeout(() => (button.textContent = title), 1500);
  } }, title);
  return button;
}

export default { name: "answer", under: "answers", about: ["state", "config"], draw };
