// All answers as a table.

import { h, put } from "../dom.js";
import { matching, parse, texts } from "../filter.js";
import { age, brief, compact, counted, dollars, named, naming, seconds } from "../format.js";
import { keepOrder } from "../order.js";
import { Rows } from "../rows.js";

const COLUMNS = {
  answer: { title: "Answer", wide: true, text: (t, row) => t.index.first_line[row], value: (t, row) => t.index.first_line[row] },
  checks: { title: "Checks", text: checks, value: (t, row) => -failing(t, row).length },
  model: { title: "Model", text: (t, row) => word(t.index.model, row) },
  status: { title: "Status", text: (t, row) => word(t.index.status, row) },
  provider: { title: "Provider", text: (t, row) => word(t.index.provider, row) },
  finish: { title: "Finish", text: (t, row) => word(t.index.finish, row) },
  tokens: { title: "Tokens", number: true, text: (t, row) => compact(tokens(t, row)), value: tokens },
  cost: { title: "Cost", number: true, text: (t, row) => dollars(t.index.cost[row]), value: (t, row) => t.index.cost[row] },
  seconds: { title: "Time", number: true, text: (t, row) => seconds(t.index.seconds[row]), value: (t, row) => t.index.seconds[row] },
  age: { title: "Age", number: true, text: (t, row) => age(t.index.issued_at[row], t.now), value: (t, row) => -Date.parse(t.index.issued_at[row]) },
};
const USUAL = ["answer", "checks", "model", "tokens", "cost", "seconds", "age"];

function word(column, row) {
  return column.at[row] < 0 ? "" : column.values[column.at[row]];
}

function tokens(t, row) {
  return t.index.prompt_tokens[row] === null ? null : t.index.prompt_tokens[row] + t.index.completion_tokens[row];
}

function failing(t, row) {
  return (t.verdicts?.checks ?? []).filter((each) => each.marks[row] === "-");
}

function checks(t, row) {
  const failed = failing(t, row);
  if (failed.length) return `✕ ${failed.map((each) => each.address.replace("check.", "")).join(", ")}`;
  return (t.verdicts?.checks ?? []).some((each) => each.marks[row] === "+") ? "✓" : "";
}

async function draw(view) {
  const t = { index: await view.ask("index"), verdicts: null, now: Date.now(), rows: [], found: new Map() };
  let chosen = columns(view.query);
  let order = view.query.get("sort") ?? "";
  const filter = h("input", { type: "search", id: "filter", spellcheck: "false", autocomplete: "off", value: view.query.get("q") ?? "",
    placeholder: "Filter: words, model:gpt-4o, check:team=fail, cost>0.01", "aria-label": "Filter answers", oninput: filtered });
  const count = h("p", { class: "count", role: "status" });
  const told = h("p", { class: "told" });
  const picker = h("details", { class: "pick" });
  const scroller = h("div", { class: "table", role: "grid", tabindex: "0", "aria-label": "Answers", "aria-colcount": chosen.length + 1 });
  const heads = h("div", { class: "heads", role: "row", "data-sticky": true, "aria-rowindex": 1 });
  scroller.append(h("div", { role: "rowgroup", class: "sticky" }, heads));
  const rows = new Rows(scroller, { draw: row, height: () => parseFloat(getComputedStyle(scroller).getPropertyValue("--row")),
    chosen: (at) => view.set({ at: at || null }) });
  put(view.root, h("h1", { class: "unseen" }, "Answers"), h("div", { class: "bar" }, h("label", { class: "filter" }, h("kbd", { "aria-hidden": "true" }, "/"), filter), count, picker), told, scroller);

  function columns(query) {
    const named = (query.get("cols") ?? "").split(",").filter((name) => name in COLUMNS || name.startsWith("axis."));
    return named.length ? named : USUAL;
  }

  function column(name) {
    return COLUMNS[name] ?? { title: name.slice(5), text: (at, row) => (at.index.axes[name.slice(5)] ? word(at.index.axes[name.slice(5)], row) : "") };
  }

  function row(at) {
    const which = t.rows[at];
    const [of, key] = named(t.index.address[which]);
    const status = word(t.index.status, which);
    return h("div", { role: "row", class: status === "complete" ? "row" : "row warned", onclick: (event) => opened(event, at) },
      h("div", { role: "gridcell", class: "address", title: t.index.address[which] }, h("a", { href: view.link("answer", naming(t.index, which)), tabindex: "-1" },
        h("span", { class: "of" }, key ? `${of.replace("completion.", "")} ` : of.replace("completion.", "")), brief(key))),
      chosen.map((name) => {
        const { text, number, wide } = column(name);
        const said = text(t, which);
        const failed = name === "checks" && said.startsWith("✕");
        return h("div", { role: "gridcell", class: [`c-${name.replace(".", "-")}`, number && "number", wide && "wide", failed && "fail"].filter(Boolean).join(" "), title: failed ? said : null },
          name === "answer" && status !== "complete" ? h("em", { class: "tag" }, status.replace("_", " ")) : null, said);
      }));
  }

  function opened(event, at) {
    rows.move(at);
    if (!event.target.closest("a") && !String(getSelection())) open();
  }

  function open() {
    if (t.rows.length) view.go("answer", naming(t.index, t.rows[rows.active]));
  }

  function titles() {
    const [by, down] = [order.replace("-", ""), order.startsWith("-")];
    const title = (name, text, extra = "") => h("div", { role: "columnheader", class: extra, "aria-sort": by === name ? (down ? "descending" : "ascending") : "none" },
      h("button", { type: "button", onclick: () => sort(name) }, text, by === name ? h("span", { class: "arrow", "aria-hidden": "true" }, down ? " ↓" : " ↑") : null));
    put(heads, title("address", "Address", "address"), chosen.map((name) => {
      const { title: text, number, wide } = column(name);
      return title(name, text, [`c-${name.replace(".", "-")}`, number && "number", wide && "wide"].filter(Boolean).join(" "));
    }));
    scroller.style.setProperty("--columns", `minmax(10rem, 1.9fr) ${chosen.map((name) => (column(name).wide ? "minmax(10rem, 3fr)" : name === "checks" || name === "model" ? "8rem" : "5.2rem")).join(" ")}`);
    const all = [...Object.keys(COLUMNS), ...Object.keys(t.index.axes).map((axis) => `axis.${axis}`)];
    put(picker, h("summary", {}, "Columns"), h("fieldset", {}, h("legend", { class: "unseen" }, "Columns"), all.map((name) =>
      h("label", {}, h("input", { type: "checkbox", checked: chosen.includes(name), onchange: (event) => pick(name, event.target.checked) }), column(name).title))));
  }

  function pick(name, is) {
    chosen = is ? [...chosen, name] : chosen.filter((each) => each !== name);
    view.set({ cols: chosen.join() === USUAL.join() ? null : chosen.join(",") });
    const open = picker.open;
    titles();
    picker.open = open;
    rows.show(t.rows.length);
  }

  function sort(name) {
    const first = name === "address" || !column(name).number ? name : `-${name}`;
    const other = first.startsWith("-") ? name : `-${name}`;
    order = order === first ? other : order === other ? "" : first;
    view.set({ sort: order || null });
    titles();
    select();
  }

  // The rows of the filter: at once by what is here, and again once whole texts were looked through.
  async function filtered() {
    view.set({ q: filter.value, at: null });
    select();
    if ((await sought()) && view.root.isConnected) select();
  }

  // Looks for the words of the filter in whole texts; whether that was news.
  async function sought() {
    const missing = texts(parse(filter.value)).filter((each) => !t.found.has(JSON.stringify(each)));
    await Promise.all(missing.map(async (each) => {
      try {
        t.found.set(JSON.stringify(each), new Set(await view.ask("find", each)));
      } catch (wrong) {
        t.found.set(JSON.stringify(each), new Set());
        t.wrong = wrong.problems?.[0].detail ?? "";
      }
    }));
    return missing.length > 0;
  }

  function problem(text) {
    told.textContent = text;
  }

  function has(term, row) {
    const found = t.found.get(JSON.stringify(term.word ? { q: term.word } : { re: term.regex }));
    if (found?.has(row)) return true;
    if (!term.word) return false;
    const small = term.word.toLowerCase();
    return t.index.address[row].toLowerCase().includes(small) || t.index.first_line[row].toLowerCase().includes(small);
  }

  function select() {
    const terms = parse(filter.value);
    const { rows: kept, problems } = matching(terms, t.index, t.verdicts, has);
    const by = order.replace("-", "");
    if (by) kept.sort(comparing(by, order.startsWith("-")));
    const was = rows.active ? t.rows[rows.active] : undefined;
    t.rows = kept;
    const again = was === undefined ? -1 : kept.indexOf(was);
    rows.active = Math.max(0, again);
    problem([...problems, t.wrong, ...(t.verdicts?.notes ?? [])].filter(Boolean).join(" "));
    t.wrong = "";
    const all = t.index.source.at.filter((at) => at === 0).length;
    count.textContent = filter.value ? `${kept.length.toLocaleString("en-US")} of ${counted(all, "answer")}` : counted(kept.length, "answer");
    scroller.setAttribute("aria-rowcount", String(kept.length + 1));
    scroller.classList.toggle("none", !kept.length);
    scroller.dataset.none = all ? "No answer fits." : "No answer is recorded yet: `runner apply` asks for them.";
    rows.show(kept.length);
  }

  function comparing(by, down) {
    const { text, value } = by === "address" ? { value: (_, row) => row } : column(by);
    const read = new Map(t.rows.map((row) => [row, null]));
    const of = (row) => {
      if (!read.get(row)) read.set(row, [(value ?? text)(t, row)]);
      return read.get(row)[0];
    };
    const way = down ? -1 : 1;
    return (one, other) => {
      const [a, b] = [of(one), of(other)];
      if (a === null || b === null) return (a === null) - (b === null);
      return way * (a < b ? -1 : a > b ? 1 : 0) || one - other;
    };
  }

  async function renew() {
    const index = await view.ask("index");
    if (index !== t.index) {
      t.index = index;
      t.found.clear();
      t.now = Date.now();
      titles();
      await filtered();
    }
    await checked();
  }

  async function checked() {
    const verdicts = await view.ask("verdicts").catch((wrong) => ({ checks: [], outdated: [], notes: (wrong.problems ?? []).map((each) => `${each.summary}: ${each.detail}`) }));
    if (verdicts === t.verdicts) return;
    t.verdicts = verdicts;
    if (view.root.isConnected) select();
  }

  titles();
  await sought();
  select();
  return {
    renew,
    drawn() {
      rows.begin(Number(view.query.get("at") ?? 0));
      checked();
    },
    key(event) {
      if (event.key === "Enter") return open(), true;
      return rows.key(event.key);
    },
    leave() {
      keepOrder(t.index, t.rows);
      rows.leave();
    },
    help: [["PageUp PageDown, Home End", "further"]],
  };
}

export default { name: "answers", title: "Answers", about: ["state", "config"], draw };
