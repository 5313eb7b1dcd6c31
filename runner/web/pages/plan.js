// What an apply would do now, and what it would cost: nothing is asked, and nothing is sent.

import { hunks } from "../diff.js";
import { h, put } from "../dom.js";
import { brief, compact, counted, dollars, named } from "../format.js";
import { problem } from "../problems.js";
import { tiles } from "../tiles.js";

const WORDS = {
  issue: "new", reissue: "again", undecided: "perhaps", instances: "unknown yet", replay: "from the cache",
  update: "updated", read: "read", remove: "removed", move: "moved", import: "imported",
};
const STEPS = ["issue", "reissue", "undecided", "instances", "replay", "update", "read", "remove"];

async function draw(view) {
  let plan = await view.ask("plan", query());
  let word = view.query.get("word") ?? "";
  let at = Number(view.query.get("at") ?? 0);
  const one = view.query.get("a");
  const filter = h("input", { type: "search", spellcheck: "false", autocomplete: "off", value: view.query.get("q") ?? "", placeholder: "Filter addresses", "aria-label": "Filter addresses", oninput: filtered });
  const bar = h("div", { class: "bar" });
  const sheet = h("div", { class: "sheet" });
  const count = h("p", { class: "count", role: "status" });
  put(view.root, bar, sheet);

  function query() {
    return Object.fromEntries([...view.query].filter(([name]) => ["word", "q", "a", "start"].includes(name)));
  }

  let waiting = null;
  function filtered() {
    clearTimeout(waiting);
    waiting = setTimeout(() => changed({ q: filter.value || null }), 120);
  }

  async function changed(changes) {
    const all = { ...changes, at: null, start: changes.start ?? null };
    view.set(all);
    for (const [name, value] of Object.entries(all)) if (value) view.query.set(name, value); else view.query.delete(name);
    at = 0;
    word = view.query.get("word") ?? "";
    plan = await view.ask("plan", query());
    render();
  }

  // -- what stands above

  function tools() {
    if (one) return put(bar, h("p", {}, h("a", { href: view.link("plan") }, "← The whole plan")));
    const words = STEPS.filter((each) => plan.changes[each]);
    const all = words.reduce((sum, each) => sum + plan.changes[each], 0);
    if (!all) return bar.remove();
    if (!bar.isConnected) view.root.prepend(bar);
    const pick = (value, name, number) => h("button", { type: "button", "aria-pressed": String(word === value), onclick: () => changed({ word: value || null }) }, `${name} `, h("b", {}, number.toLocaleString("en-US")));
    const chosen = h("div", { class: "choose", role: "group", "aria-label": "What happens" },
      words.length > 1 ? pick("", "All", all) : null, words.map((each) => pick(each, WORDS[each], plan.changes[each])));
    if (bar.contains(filter)) bar.querySelector(".choose").replaceWith(chosen);
    else put(bar, chosen, h("label", { class: "filter" }, h("kbd", { "aria-hidden": "true" }, "/"), filter), count);
  }

  function sums() {
    const { cost, requests, tokens, text } = plan.estimate;
    const [low, high] = cost ?? [null, null];
    const price = !requests && !high ? "$0" : cost === null ? "price unknown" : high === null ? `from ${dollars(low)}` : low === high ? dollars(low) : `${dollars(low)} to ${dollars(high)}`;
    const [least, most] = tokens;
    const range = most === null ? `from ${compact(least)}` : least === most ? compact(least) : `${compact(least)} to ${compact(most)}`;
    const numbers = [[requests.toLocaleString("en-US"), requests === 1 ? "request" : "requests"], [price, "estimated"], [range, "tokens"], [plan.unchanged.toLocaleString("en-US"), "unchanged"]];
    return [tiles(numbers),
      requests ? h("p", { class: "soft" }, text.charAt(0).toUpperCase() + text.slice(1), ".") : null,
      plan.verdicts ? h("p", { class: "soft" }, plan.verdicts) : null];
  }

  function closed() {
    return plan.untrusted.length ? h("section", { class: "closed" },
      h("h2", {}, "Not trusted yet"),
      h("p", {}, "Before it sends anything, apply asks whether this project may"),
      h("ul", {}, plan.untrusted.map((each) => h("li", {}, each))),
      h("p", { class: "soft" }, plan.ways)) : null;
  }

  // -- the steps

  function group(each, position) {
    const [block, key] = named(each.address);
    const others = each.number - 1;
    return h("article", { class: "step", tabindex: "-1", id: `step${position}`, onfocusin: () => chosen(position) },
      h("h2", {}, h("span", { class: "sign", "aria-hidden": "true" }, each.symbol),
        each.is_various ? h("span", { class: "address" }, `${each.number.toLocaleString("en-US")} more of ${block}`)
          : h("a", { class: "address", href: view.link("plan", { a: each.address }) }, block, key ? h("b", {}, ` ${brief(key)}`) : null),
        others && !each.is_various ? h("span", { class: "soft" }, ` and ${others.toLocaleString("en-US")} like it`) : null),
      h("p", { class: "soft" }, each.header.charAt(0).toUpperCase() + each.header.slice(1), each.because ? `: ${each.because}` : null),
      each.values.length ? h("dl", { class: "pairs" }, each.values.flatMap(({ name, old, new: now }) => [h("dt", {}, name), h("dd", {},
        old === null ? null : h("del", {}, old), old !== null && now !== null ? " → " : null, now === null ? null : old === null ? now : h("ins", {}, now))])) : null,
      one && !["issue", "read"].includes(each.word) ? h("p", {}, h("a", { href: view.link("answer", { a: each.address }) }, "The answer that is recorded")) : null,
      each.texts.map((text) => h("div", { class: "passage" }, h("h3", {}, text.label), hunks(text.hunks, !text.is_change))),
      each.others.length ? h("details", {}, h("summary", {}, `The ${others.toLocaleString("en-US")} like it`),
        h("ul", { class: "addresses" }, each.others.map((address) => h("li", {}, h("a", { href: view.link("plan", { a: address }) }, brief(named(address)[1]) || address))),
          others > each.others.length ? h("li", {}, `and ${(others - each.others.length).toLocaleString("en-US")} more`) : null)) : null);
  }

  function more() {
    const { start, total, groups } = plan.steps;
    if (total <= groups.length) return null;
    const turn = (to, name) => h("button", { type: "button", class: "more", onclick: () => changed({ start: to || null }).then(() => scrollTo(0, 0)) }, name);
    return h("nav", { class: "turns", "aria-label": "More of the plan" },
      start ? turn(Math.max(0, start - 100), "Those before") : null,
      h("span", {}, `${start + 1} to ${start + groups.length} of ${total.toLocaleString("en-US")}`),
      start + groups.length < total ? turn(start + groups.length, "Those after") : null);
  }

  function list(title, rows) {
    return rows.length ? h("section", { class: "others" }, h("h2", {}, title), h("ul", {}, rows.map((row) => h("li", {}, row)))) : null;
  }

  function render() {
    const open = new Set([...sheet.querySelectorAll("details[open]")].map((each) => each.parentElement.id));
    const top = scrollY;
    const focused = document.activeElement?.closest?.(".step")?.id;
    tools();
    const { steps, groups } = { steps: plan.steps.steps, groups: plan.steps.groups };
    count.textContent = word || filter.value ? counted(steps, "step") : "";
    const none = plan.is_empty
      ? h("section", { class: "trouble" }, h("h1", {}, "No changes"), h("p", {}, `The configuration and the recorded answers match. ${counted(plan.unchanged, "answer")} ${plan.unchanged === 1 ? "is" : "are"} up to date; nothing would be sent.`))
      : !groups.length && (word || filter.value || one) ? h("p", { class: "soft" }, one ? `Nothing happens at ${one}.` : "No step fits.") : null;
    put(sheet, h("h1", { class: plan.is_empty || one ? "unseen" : "" }, one ? `Plan of ${one}` : plan.is_empty ? "Plan" : plan.summary.split(" Estimated:")[0].replace(/^Plan: /, "").replace(/^./, (first) => first.toUpperCase())),
      one || plan.is_empty ? null : sums(), one ? null : closed(),
      plan.problems.length ? h("div", { class: "troubles" }, plan.problems.map(problem)) : null,
      none, groups.map(group), more(),
      one ? null : [
        list("Outputs", plan.outputs.map(({ name, old, new: now }) => [h("b", {}, name), " ", old === null ? null : h("del", {}, old), old !== null && now !== null ? " → " : null, now === null ? null : h("ins", {}, now)])),
        list("Files", plan.files.map(({ path, output, action }) => `${{ create: "+", change: "~", undecided: "?" }[action]} ${path} (output.${output}${action === "undecided" ? ", once its answer is known" : ""})`)),
        list("Moved", plan.moves.map(([from, to]) => `${from} → ${to}`)),
        list("Imported", plan.imports.map(([address, id]) => `${address}: ${id}`))]);
    for (const each of sheet.querySelectorAll(".step")) if (open.has(each.id)) each.querySelector("details").open = true;
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
    scrollTo(0, top);
  }

  function chosen(position) {
    at = position;
    view.set({ at: at || null });
  }

  function move(to) {
    const steps = sheet.querySelectorAll(".step");
    steps[Math.max(0, Math.min(to, steps.length - 1))]?.focus();
    return true;
  }

  render();
  return {
    async renew() {
      const now = await view.ask("plan", query());
      if (now === plan) return;
      plan = now;
      render();
    },
    drawn() {
      if (at) move(at);
    },
    key(event) {
      const on = document.activeElement?.closest?.(".step");
      if (["j", "ArrowDown"].includes(event.key)) return move(on ? at + 1 : 0);
      if (["k", "ArrowUp"].includes(event.key)) return move(at - 1);
      if (event.key === "Enter" && on && !one) return view.go("plan", { a: plan.steps.groups[at].address }), true;
      if (event.key === "Escape" && one) return view.go("plan"), true;
      return false;
    },
    leave: () => clearTimeout(waiting),
    help: [["Enter", "a step with the whole of its request"]],
  };
}

export default { name: "plan", title: "Plan", only: "view", about: ["state", "config"], draw };
