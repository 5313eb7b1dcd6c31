// Answers beside each other: a row for each case, a column for each value of an axis.

import { h, put } from "../dom.js";
import { brief, compact, counted, dollars, naming, percent, seconds } from "../format.js";
import { keepOrder } from "../order.js";
import { Rows } from "../rows.js";

const AHEAD = 40; // cases whose texts are asked for at once

async function draw(view) {
  const sides = await view.ask("sides");
  let side = await view.ask("side", query());
  let index = await view.ask("index");
  let verdicts = null;
  let only = view.query.get("only") === "differ";
  let against = view.query.get("against") ?? "";
  let kept = [];
  const texts = new Map(); // by row
  const words = new Map(); // by "row-row"
  const filter = h("input", { type: "search", spellcheck: "false", autocomplete: "off", value: view.query.get("q") ?? "", placeholder: "Filter cases", "aria-label": "Filter cases", oninput: () => (view.set({ q: filter.value, at: null }), select()) });
  const count = h("p", { class: "count", role: "status" });
  const differ = h("button", { type: "button", class: "toggle", onclick: toggled }, "Only where they differ ", h("kbd", { "aria-hidden": "true" }, "d"));
  const bar = h("div", { class: "bar" });
  const scroller = h("div", { class: "side", role: "grid", tabindex: "0", "aria-label": "Answers beside each other" });
  const heads = h("div", { class: "heads", role: "row", "aria-rowindex": 1 });
  scroller.append(h("div", { role: "rowgroup", class: "sticky", "data-sticky": true }, heads));
  const rows = new Rows(scroller, { draw: row, height, chosen: (at) => view.set({ at: at || null }) });
  rows.onSight = (first, last) => wanted(first, last);
  put(view.root, h("h1", { class: "unseen" }, "Side by side"), bar, scroller);

  // As high as nine of ten answers need, within what is worth a look.
  function height() {
    const wide = Math.max(scroller.clientWidth / Math.max(1, side.columns.length), 272) - 34;
    const lines = side.rows.flatMap((one) => one.cells.map((each) => (each ? each.alike.slice(0, 4).reduce((sum, group) => sum + Math.ceil((index.first_line[group[0]].length * 7.6) / wide), 0) : 1))).sort((a, b) => a - b);
    const most = Math.max(1, Math.min(7, lines[Math.floor(lines.length * 0.9)] ?? 1));
    scroller.style.setProperty("--row", 72 + 21 * most);
    return 72 + 21 * most;
  }

  function query() {
    return Object.fromEntries([...view.query].filter(([name]) => name === "block" || name === "by"));
  }

  function tools() {
    const block = sides.length > 1 ? h("label", { class: "choose" }, h("span", {}, "of"), h("select", { onchange: (event) => other({ block: event.target.value, by: null }) },
      sides.map((each) => h("option", { value: each.block, selected: each.block === side.block }, each.block === "*" ? "all answers" : each.block.replace("completion.", ""))))) : null;
    const by = side.axis === "source" ? null : h("div", { class: "choose", role: "group", "aria-label": "A column for each" }, h("span", {}, "by"),
      side.axes.map((axis) => h("button", { type: "button", "aria-pressed": String(axis === side.axis), onclick: () => other({ by: axis }) }, axis)));
    const to = h("label", { class: "choose" }, h("span", {}, "against"), h("select", { onchange: (event) => compared(event.target.value) },
      h("option", { value: "" }, "nothing"), side.columns.map((each) => h("option", { value: each, selected: each === against }, each))));
    differ.setAttribute("aria-pressed", String(only));
    put(bar, block, by, to, differ, h("label", { class: "filter" }, h("kbd", { "aria-hidden": "true" }, "/"), filter), count);
  }

  const rowsOf = (cell) => (cell ? cell.alike.flat() : []);

  function titles() {
    scroller.style.setProperty("--count", side.columns.length);
    put(heads, side.columns.map((name, at) => {
      const held = side.rows.flatMap((each) => rowsOf(each.cells[at]));
      const scored = (verdicts?.checks ?? []).flatMap((each) => held.map((which) => each.marks[which]).filter((mark) => mark === "+" || mark === "-"));
      const costs = held.map((which) => index.cost[which]).filter((cost) => cost !== null);
      const facts = [
        scored.length ? `${percent(scored.filter((mark) => mark === "+").length, scored.length)} of checks hold` : null,
        costs.length ? dollars(costs.reduce((sum, cost) => sum + cost, 0)) : null,
        held.length ? seconds(median(held.map((which) => index.seconds[which]))) : null,
      ].filter(Boolean);
      return h("div", { role: "columnheader", class: name === against ? "base" : "" }, h("strong", {}, name), h("span", {}, facts.join(" · ")));
    }));
  }

  function row(at) {
    const one = side.rows[kept[at]];
    const made = h("div", { role: "row", class: one.differs ? "case differs" : "case", onclick: (event) => clicked(event, at) });
    const open = h("div", { class: "cells", role: "presentation" });
    made.append(h("div", { role: "rowheader", class: "of" }, h("span", { title: one.name }, brief(one.name) || side.block), one.differs ? null : h("em", {}, "all the same")), open);
    side.columns.forEach((name, column) => open.append(cell(one, column)));
    return made;
  }

  function cell(one, column) {
    const held = one.cells[column];
    if (!held) return h("div", { role: "gridcell", class: "cell none" }, "no answer");
    const first = held.alike[0][0];
    const base = one.cells[side.columns.indexOf(against)]?.alike[0][0];
    const several = held.alike.length > 1 || held.alike[0].length > 1;
    return h("div", { role: "gridcell", class: "cell" },
      h("div", { class: "said" }, held.alike.slice(0, several ? 4 : 1).map((group) => h("div", { class: "group", dir: "auto" },
        several ? h("b", { class: "times" }, `${group.length} ×`) : null, said(group[0], base)))),
      meta(rowsOf(held), first));
  }

  function said(which, base) {
    if (base !== undefined && base !== which && index.same[base] !== index.same[which]) {
      const spans = words.get(`${base}-${which}`);
      if (spans) return spans.map(({ kind, text }) => (kind === "same" ? text : h(kind === "came" ? "ins" : "del", {}, text)));
    }
    return texts.get(which) ?? index.first_line[which];
  }

  function meta(held, first) {
    const failed = (verdicts?.checks ?? []).filter((each) => held.some((which) => each.marks[which] === "-"));
    const [tokens, status] = [index.completion_tokens[first], index.status.values[index.status.at[first]]];
    return h("div", { class: "meta" },
      failed.length ? h("span", { class: "fail" }, `✕ ${failed.map((each) => each.address.replace("check.", "")).join(", ")}`) : null,
      status === "complete" ? null : h("span", { class: "tag" }, status.replace("_", " ")),
      h("a", { href: view.link("answer", naming(index, first)), tabindex: "-1" }, [tokens === null ? null : `${compact(tokens)} tokens`, dollars(index.cost[first]), seconds(index.seconds[first])].filter(Boolean).join(" · ")));
  }

  function clicked(event, at) {
    rows.move(at);
    const column = [...(event.target.closest(".cells")?.children ?? [])].indexOf(event.target.closest(".cell"));
    if (!event.target.closest("a") && !String(getSelection())) open(column);
  }

  function open(column = -1) {
    const cells = side.rows[kept[rows.active]]?.cells ?? [];
    const held = cells[column] ?? cells.find(Boolean);
    if (held) view.go("answer", naming(index, held.alike[0][0]));
  }

  function select() {
    const wanted = filter.value.toLowerCase();
    kept = [...side.rows.keys()].filter((at) => (!only || side.rows[at].differs) && (!wanted || has(side.rows[at], wanted)));
    const differing = side.rows.filter((each) => each.differs).length;
    count.textContent = only || wanted ? `${kept.length} of ${counted(side.rows.length, "case")}` : `${differing} of ${counted(side.rows.length, "case")} differ`;
    scroller.setAttribute("aria-rowcount", String(kept.length + 1));
    scroller.setAttribute("aria-colcount", String(side.columns.length));
    rows.show(kept.length);
  }

  function has(one, wanted) {
    return one.name.toLowerCase().includes(wanted) || one.cells.some((each) => rowsOf(each).some((which) => (texts.get(which) ?? index.first_line[which]).toLowerCase().includes(wanted)));
  }

  // The texts of the cases in sight, and of some beyond; words where they are compared.
  let asked = Promise.resolve();
  function wanted(first, last) {
    const near = kept.slice(Math.max(0, first - 5), Math.max(last, first + AHEAD)).map((at) => side.rows[at]);
    const missing = [...new Set(near.flatMap((one) => one.cells.flatMap((each) => (each ? each.alike.slice(0, 4).map((group) => group[0]) : []))))].filter((which) => !texts.has(which)).slice(0, 200);
    const column = side.columns.indexOf(against);
    const pairs = column < 0 ? [] : near.flatMap((one) => {
      const base = one.cells[column]?.alike[0][0];
      return base === undefined ? [] : one.cells.flatMap((each) => (each ? each.alike.slice(0, 4).map((group) => group[0]) : [])).filter((which) => index.same[which] !== index.same[base]).map((which) => `${base}-${which}`);
    }).filter((pair) => !words.has(pair)).slice(0, 100);
    if (!missing.length && !pairs.length) return;
    missing.forEach((which) => texts.set(which, index.first_line[which]));
    pairs.forEach((pair) => words.set(pair, null));
    asked = asked.then(() => fetched(missing, pairs)).catch(() => {});
  }

  async function fetched(missing, pairs) {
    const [cells, changes] = await Promise.all([
      missing.length ? view.ask("cells", { rows: missing.join() }) : [],
      pairs.length ? view.ask("words", { pairs: pairs.join() }) : [],
    ]);
    for (const { row: which, text, length } of cells) texts.set(which, text.length < length ? `${text} …` : text);
    for (const { pair, spans } of changes) words.set(pair, spans);
    if (view.root.isConnected) again();
  }

  function again() {
    for (const [at, old] of [...rows.shown]) {
      old.remove();
      rows.shown.delete(at);
    }
    rows.now();
  }

  function toggled() {
    only = !only;
    view.set({ only: only ? "differ" : null, at: null });
    differ.setAttribute("aria-pressed", String(only));
    select();
  }

  function compared(name) {
    against = name;
    view.set({ against: name || null });
    titles();
    again();
  }

  function other(changes) {
    view.set({ ...changes, against: null, at: null });
    dispatchEvent(new HashChangeEvent("hashchange"));
  }

  async function renew() {
    const [got, columns] = [await view.ask("side", query()), await view.ask("index")];
    if (got !== side || columns !== index) {
      [side, index] = [got, columns];
      texts.clear();
      words.clear();
      tools();
      titles();
      select();
    }
    await checked();
  }

  async function checked() {
    const got = await view.ask("verdicts").catch(() => ({ checks: [], outdated: [], notes: [] }));
    if (got === verdicts) return;
    verdicts = got;
    if (!view.root.isConnected) return;
    titles();
    again();
  }

  tools();
  titles();
  select();
  return {
    renew,
    drawn() {
      rows.begin(Number(view.query.get("at") ?? 0));
      asked.then(checked);
    },
    key(event) {
      if (event.key === "d") return toggled(), true;
      if (event.key === "Enter") return open(), true;
      if (/^[1-9]$/.test(event.key) && Number(event.key) <= side.columns.length) return open(Number(event.key) - 1), true;
      return rows.key(event.key);
    },
    leave() {
      keepOrder(index, kept.flatMap((at) => side.rows[at].cells.flatMap(rowsOf)));
      rows.leave();
    },
    help: [["d", "only where they differ"], ["1 2 3", "open the answer of a column"]],
  };
}

function median(numbers) {
  const sorted = [...numbers].sort((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)];
}

export default { name: "side", title: "Side by side", about: ["state", "config"], draw };
