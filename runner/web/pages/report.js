// What a reviewer is told: what changed, what checks say, what it took, and what comes next.

import { change } from "../changes.js";
import { h, put, stepped } from "../dom.js";
import { compact, counted, dollars, naming, seconds } from "../format.js";

const FIRST = 50; // changes that are shown at once
const SIGNS = { met: "✓", "not met": "✕", unscored: "?" };

async function draw(view) {
  const [told, changes, index] = await Promise.all(["report", "changed", "index"].map((name) => view.ask(name)));
  const { since, answers, checks } = told;
  let shown = FIRST;
  const list = h("div", { class: "changes" });

  function more() {
    put(list, changes.slice(0, shown).map((each) => {
      const made = change(each);
      const row = index.address.indexOf(each.address);
      if (row >= 0) made.querySelector(".inside").append(h("p", {}, h("a", { href: view.link("answer", naming(index, row)) }, "The whole answer")));
      return made;
    }), shown < changes.length ? h("button", { type: "button", class: "more", onclick: () => ((shown += 10 * FIRST), more()) }, `${counted(changes.length - shown, "change")} more`) : null);
  }

  function amounts() {
    const rows = [
      ["Answers", (each) => each.answers.toLocaleString("en-US")],
      ["Cost", (each) => `${dollars(each.cost)}${each.unpriced ? ` without ${each.unpriced.toLocaleString("en-US")} of unknown price` : ""}`],
      ["Tokens asked", (each) => compact(each.prompt_tokens)],
      ["Tokens answered", (each) => compact(each.completion_tokens)],
      ["Time taken", (each) => seconds(each.seconds)],
    ];
    return h("table", { class: "figures" },
      h("thead", {}, h("tr", {}, h("td", {}), since ? h("th", { scope: "col" }, since.name) : null, h("th", { scope: "col" }, "now"), since ? h("th", { scope: "col" }, "spent on changes") : null)),
      h("tbody", {}, rows.map(([name, said]) => h("tr", {}, h("th", { scope: "row" }, name),
        since ? h("td", {}, said(since.answers)) : null, h("td", {}, said(answers)), since ? h("td", {}, said(since.spent)) : null))));
  }

  function check(each) {
    const name = each.address.replace("check.", "");
    const regressed = checks.against?.checks.find((one) => one.address === each.address)?.regressed;
    return h("li", { class: each.met === "not met" ? "fail" : "" },
      h("span", { class: "sign", "aria-hidden": "true" }, SIGNS[each.met]),
      h("a", { href: view.link("answers", { q: `check:${name}=fail` }) }, h("strong", {}, name)),
      h("span", {}, `${each.holds} of ${each.scored} · ${each.met}${regressed ? " · it held before" : ""}`),
      each.description ? h("span", { class: "soft" }, each.description) : null);
  }

  function comparison(each) {
    const [sign, said] = each.met === "met" ? ["✓", "met"] : ["✕", "not met"];
    return h("li", { class: each.met === "met" ? "" : "fail" }, h("span", { class: "sign", "aria-hidden": "true" }, sign),
      h("strong", {}, each.address.replace("compare.", "")), h("span", {}, `compares by ${[each.by].flat().join(", ")} · ${said}`), each.description ? h("span", { class: "soft" }, each.description) : null);
  }

  const isMet = (each) => each.met === "met";
  more();
  const failing = checks.not_met ? `, ${counted(checks.not_met, "check")} not met` : checks.declared ? ", all checks met" : "";
  put(view.root, h("div", { class: "column" },
    h("h1", {}, since ? (changes.length ? `${counted(changes.length, "answer")} changed${failing}` : `No answer changed${failing}`) : `${counted(answers.answers, "answer")}${failing}`),
    h("p", { class: "lead" }, told.next.changes ? `The next apply: ${told.next.summary}` : told.next.summary),
    h("section", { class: "wrapped", tabindex: "0", "aria-label": "Figures" }, amounts()),
    checks.declared ? h("section", {}, h("h2", {}, "Checks"), h("ul", { class: "checklist" }, [...checks.checks].sort((one, other) => isMet(one) - isMet(other)).map(check), checks.comparisons.map(comparison))) : null,
    since ? h("section", {}, h("h2", {}, `Changed since ${since.name}`), changes.length ? list : h("p", { class: "soft" }, "Nothing.")) : null));
  return { key: (event) => stepped(view.root, event), help: [["j k", "the next change, the one before"]] };
}

export default { name: "report", title: "Report", only: "report", about: [], draw };
