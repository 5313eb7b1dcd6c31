// Each check: its share with the interval, where it stood from commit to commit, and comparisons.

import { interval, trend } from "../charts.js";
import { title } from "../changes.js";
import { h, put } from "../dom.js";
import { compact, counted, dollars, seconds, share } from "../format.js";

const SIGNS = { met: "✓", "not met": "✕", unscored: "?" };
const SHOWN = { better: "better", worse: "worse", "no difference": "no difference shown" };
const tokens = (value) => compact(Math.round(value * 10) / 10);
const AMOUNTS = { cost: dollars, seconds, output_tokens: tokens };

async function draw(view) {
  let page = await view.ask("checks");
  let trends = null;
  let told = "";

  const name = (each) => each.address.replace(/^(check|compare)\./, "");

  function drawn() {
    const failing = page.checks.filter((each) => each.met !== "met").length;
    put(view.root, h("div", { class: "column" },
      h("h1", {}, !page.checks.length ? "No checks" : failing ? `${failing} of ${counted(page.checks.length, "check")} not met` : `${counted(page.checks.length, "check")}, all met`),
      page.notes.map((note) => h("p", { class: "warning" }, note)),
      page.checks.length ? h("div", { class: "checks" }, page.checks.map(check)) : h("p", { class: "lead" }, "A [check.NAME] says what answers have to be. `runner docs checks` tells how one is written."),
      told ? h("p", { class: "soft" }, told) : null,
      page.comparisons.map(comparison)));
  }

  function check(each) {
    const figures = each.interval ? `${share(each.interval.value)}` : "–";
    const limit = `at least ${share(each.at_least)}`;
    const range = each.interval ? `${share(each.interval.low)} to ${share(each.interval.high)}` : "nothing could be told";
    return h("section", { class: `check ${each.met.replace(" ", "-")}` },
      h("div", { class: "of" },
        h("h2", {}, h("span", { class: "sign", "aria-hidden": "true" }, SIGNS[each.met]), name(each), h("span", { class: "tag" }, each.met + (each.warns && each.met === "not met" ? ", warns" : ""))),
        each.description ? h("p", { class: "soft" }, each.description) : null,
        h("p", {}, each.is_score ? `mean of ${counted(each.scored, "score")}` : `${each.holds.toLocaleString("en-US")} of ${counted(each.scored, "answer")} hold`,
          each.unscored ? `, ${each.unscored} could not be told` : "", each.missing ? `, ${each.missing} without an answer` : "")),
      h("div", { class: "stand" },
        h("p", { class: "big" }, figures, h("span", {}, ` ${range}`)),
        each.interval ? interval(each.interval, { limit: each.at_least, said: `${name(each)}: ${figures}, in 95 of 100 samples ${range}, ${limit}` }) : null,
        h("p", { class: "soft" }, limit, each.settled || !each.interval ? null : ": the interval lies on both sides")),
      over(each),
      each.failed.length ? h("ul", { class: "failed" }, each.failed.map((one) => h("li", {},
        h("a", { class: "code", href: view.link("answer", { a: one.address }) }, title(one.address)), h("span", {}, h("em", {}, "expected "), one.expected, h("em", {}, " got "), one.got))),
        each.scored - each.holds > 0 ? h("li", {}, h("a", { href: view.link("answers", { q: `check:${name(each)}=fail` }) }, each.scored - each.holds > each.failed.length ? `All ${(each.scored - each.holds).toLocaleString("en-US")} that do not hold` : "Look at them in the table")) : null) : null);
  }

  function over(each) {
    const found = trends?.find((one) => one.address === each.address);
    if (!found) return null;
    const told = found.points.filter((point) => point.scored);
    if (told.length < 2) return null;
    const lows = told.map((point) => point.interval.low);
    const least = Math.max(0, Math.min(...lows, found.at_least) - 0.05);
    const first = told[0];
    const last = told.at(-1);
    const said = `${name(each)} over ${counted(told.length - 1, "commit")}: ${share(first.interval.value)} at first, ${share(last.interval.value)} now, at least ${share(found.at_least)}`;
    return h("figure", { class: "over" },
      h("div", { class: "scaled" }, h("span", {}, "100 %"), trend(told.map((point) => point.interval), { least, most: 1, limit: found.at_least, said }), h("span", {}, share(least))),
      h("figcaption", {}, h("span", {}, `${first.date.slice(0, 10)} ${first.commit}`), h("span", {}, "now")),
      h("details", {}, h("summary", {}, "Figures"), h("div", { class: "wrapped", tabindex: "0", role: "group", "aria-label": `Figures of ${name(each)}` }, h("table", { class: "figures" },
        h("thead", {}, h("tr", {}, ["commit", "share", "from", "to", "answers"].map((word) => h("th", { scope: "col" }, word)))),
        h("tbody", {}, [...told].reverse().map(({ commit, subject, interval: held, scored }) => h("tr", {}, h("th", { scope: "row" }, commit ? `${commit} ${subject.slice(0, 40)}` : "now"), h("td", {}, share(held.value)), h("td", {}, share(held.low)), h("td", {}, share(held.high)), h("td", {}, scored.toLocaleString("en-US")))))))));
  }

  function comparison(each) {
    return h("section", { class: "compare" },
      h("h2", {}, name(each), h("span", { class: "tag" }, each.met)),
      h("p", { class: "soft" }, each.description || `Answers by ${each.by}, each case against its counterpart`, each.missing ? `; ${each.missing} without an answer` : ""),
      each.against.map((one) => h("div", { class: "wrapped", tabindex: "0", role: "group", "aria-label": `${one.variant} against ${one.baseline}` }, h("table", { class: "figures versus" },
        h("caption", {}, h("strong", {}, one.variant), ` against ${one.baseline} · ${counted(one.pairs, "pair")}${one.alone ? ` · ${one.alone} without a counterpart` : ""}`),
        h("thead", {}, h("tr", {}, ["", "shown", one.variant, one.baseline, "difference", "", "p"].map((word) => (word ? h("th", { scope: "col" }, word) : h("td", {}))))),
        h("tbody", {}, one.differences.map(difference))))));
  }

  function difference(found) {
    const amount = found.kind === "amount";
    const said = amount ? AMOUNTS[found.measure] ?? compact : share;
    const signed = (value) => `${value < 0 ? "−" : value > 0 ? "+" : ""}${said(Math.abs(value))}`;
    const held = found.interval;
    const range = held ? `${signed(held.low)} to ${signed(held.high)}` : "";
    const most = held ? Math.max(Math.abs(held.low), Math.abs(held.high), Number.MIN_VALUE) : 1;
    return h("tr", { class: found.shown === "worse" ? "worse" : "" }, h("th", { scope: "row" }, found.measure.replace("check.", "").replace("_", " ")),
      h("td", { class: "shown" }, SHOWN[found.shown]), h("td", {}, said(found.first)), h("td", {}, said(found.second)),
      h("td", {}, held ? h("span", { class: "range" }, `${signed(held.value)} `, h("small", {}, range)) : "–"),
      h("td", { class: "drawn" }, held ? interval(held, { least: -most, most, limit: 0, said: `${found.measure}: a difference of ${signed(held.value)}, in 95 of 100 samples ${range}` }) : null),
      h("td", {}, found.pairs ? (found.p < 0.001 ? "< 0.001" : found.p.toFixed(3)) : ""));
  }

  // Past answers take a moment: the page is there before.
  async function past() {
    try {
      trends = await view.ask("trends");
      told = "";
    } catch (wrong) {
      told = wrong.problems ? wrong.problems[0].detail : "";
    }
    if (view.root.isConnected && page.checks.length) keeping(drawn);
  }

  function keeping(again) {
    const open = [...view.root.querySelectorAll("details")].map((each) => each.open);
    const top = scrollY;
    again();
    view.root.querySelectorAll("details").forEach((each, at) => (each.open = open[at] ?? false));
    scrollTo(0, top);
  }

  drawn();
  return {
    drawn: past,
    async renew() {
      const got = await view.ask("checks");
      if (got === page) return;
      page = got;
      keeping(drawn);
      await past();
    },
  };
}

export default { name: "checks", title: "Checks", about: ["state", "config"], draw };
