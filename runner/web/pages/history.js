// Commit by commit: what changed, what it cost, what checks say; of one answer, its versions.

import { change, title } from "../changes.js";
import { columns, trend } from "../charts.js";
import { h, put, stepped } from "../dom.js";
import { compact, counted, dollars, percent, share } from "../format.js";

async function draw(view) {
  const address = view.query.get("a") ?? "";
  let found = await view.ask("history", address ? { a: address } : {});
  const known = new Map(); // changes by commit

  function drawn() {
    const { commits, notes, is_cut } = found;
    put(view.root, h("div", { class: "column" },
      h("h1", {}, address ? [h("span", { class: "code" }, title(address))] : commits.length ? `${counted(commits.filter((each) => each.id).length, "commit")}${is_cut ? " and more" : ""} changed answers` : "No history"),
      address ? h("p", { class: "lead" }, `${counted(commits.length, "version")}. `, h("a", { href: view.link("answer", { a: address }) }, "The answer now"), " · ", h("a", { href: view.link("history") }, "All commits")) : null,
      notes.map((note) => h("p", { class: "lead" }, note)),
      commits.length > 1 && !address ? [costs(commits), held(commits)] : null,
      h("ol", { class: "commits" }, commits.map(commit)),
      is_cut ? h("p", { class: "soft" }, `Only the last ${commits.length} are shown: \`runner history\` has all of them.`) : null));
  }

  function costs(commits) {
    const old = [...commits].reverse();
    const most = Math.max(...old.map((each) => each.cost));
    if (!most) return null;
    const total = old.reduce((sum, each) => sum + each.cost, 0);
    return h("figure", { class: "over" },
      h("div", { class: "scaled" }, h("span", {}, dollars(most)), columns(old.map((each) => each.cost), `What each of ${counted(old.length, "commit")} cost, the oldest first: at most ${dollars(most)}, ${dollars(total)} in all`), h("span", {}, "$0")),
      h("figcaption", {}, h("span", {}, when(old[0])), h("span", {}, `cost, ${dollars(total)} in all`), h("span", {}, when(old.at(-1)))));
  }

  function held(commits) {
    const told = [...commits].reverse().filter((each) => each.told);
    if (told.length < 2) return null;
    const shares = told.map((each) => each.held / each.told);
    const least = Math.max(0, Math.floor(Math.min(...shares) * 10 - 0.5) / 10);
    const said = `What of today's checks holds of the answers of each of ${counted(told.length, "commit")}, the oldest first: ${shares.map((each) => share(each)).join(", ")}`;
    return h("figure", { class: "over" },
      h("div", { class: "scaled" }, h("span", {}, "100 %"), trend(shares.map((value) => ({ value, low: value, high: value })), { least, most: 1, limit: null, said }), h("span", {}, share(least))),
      h("figcaption", {}, h("span", {}, when(told[0])), h("span", {}, "checks that hold"), h("span", {}, when(told.at(-1)))));
  }

  const isKept = (each) => each.id.startsWith("serial:");
  const paid = (each) => (each.cost ? `${dollars(each.cost)}${each.unpriced ? " or more" : ""}` : each.unpriced ? "cost unknown" : null);
  const when = (each) => (each.id ? each.date.slice(0, 10) : "not committed");

  function commit(each) {
    const facts = [
      each.is_oldest ? `the oldest ${isKept(each) ? "that is kept" : "in this clone"}` : Object.entries(each.kinds).map(([kind, count]) => (address ? each.change.why : `${count.toLocaleString("en-US")} ${kind}`)).filter(Boolean).join(", "),
      each.model, paid(each), each.tokens ? `${compact(each.tokens)} tokens` : null,
      each.told ? `${percent(each.held, each.told)} of checks hold` : null,
    ].filter(Boolean);
    const inside = h("div", { class: "changes" });
    const head = h("summary", {}, h("span", { class: "when" }, when(each)), h("strong", {}, each.subject || (isKept(each) ? each.id : "What stands in the state now")), h("span", { class: "code soft" }, isKept(each) ? "" : each.id), h("span", { class: "facts" }, facts.join(" · ")));
    const made = h("details", { class: "commit", open: view.query.get("c") === (each.id || "now"), ontoggle: () => opened(each, made, inside) }, head, inside);
    if (address) {
      if (each.change) put(inside, change(each.change));
      inside.querySelector("details")?.setAttribute("open", "");
    }
    return h("li", {}, made);
  }

  // The changes of a commit are asked for when somebody wants to see them.
  async function opened(each, made, inside) {
    if (!address) view.set({ c: made.open ? each.id || "now" : null });
    if (!made.open || address || known.has(each.id)) return;
    known.set(each.id, null);
    put(inside, h("p", { class: "soft" }, "…"));
    try {
      const changes = await view.ask("changes", { c: each.id });
      const all = Object.values(each.kinds).reduce((sum, count) => sum + count, 0);
      put(inside, changes.map((one) => {
        const shown = change(one);
        shown.querySelector(".inside").append(h("p", {}, h("a", { href: view.link("history", { a: one.address }) }, "All versions of this answer")));
        return shown;
      }), all > changes.length ? h("p", { class: "soft" }, `${counted(all - changes.length, "change")} more: \`runner history --diff\` has them.`) : null);
    } catch (wrong) {
      known.delete(each.id);
      put(inside, h("p", { class: "soft" }, wrong.problems?.[0].detail ?? "Nobody answers."));
    }
  }

  drawn();
  return {
    key: (event) => stepped(view.root, event),
    help: [["j k", "the next commit, the one before"]],
    async renew() {
      const got = await view.ask("history", address ? { a: address } : {});
      if (got === found) return;
      found = got;
      known.clear();
      drawn();
    },
  };
}

export default { name: "history", title: "History", about: ["state", "config"], draw };
