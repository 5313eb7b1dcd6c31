// What answers cost: by block, model and day, paid against what came from the cache.

import { bar, columns } from "../charts.js";
import { h, put } from "../dom.js";
import { compact, counted, dollars } from "../format.js";

async function draw(view) {
  let page = await view.ask("cost");

  function drawn() {
    const all = page.total;
    put(view.root, h("div", { class: "column" },
      h("h1", {}, all.answers ? `${dollars(all.paid)} for ${counted(all.answers, "answer")}` : "Nothing was paid yet"),
      h("p", { class: "lead" }, `${compact(all.prompt)} tokens asked, ${compact(all.completion)} answered. `,
        all.reused ? `${counted(all.reused, "answer")} came from the cache, which saved ${dollars(all.saved)}. ` : "No answer came from the cache. ",
        all.unpriced ? `Of ${counted(all.unpriced, "answer")} the price is not known.` : ""),
      page.days.length > 1 ? days() : null,
      table("By block", page.blocks, "block"), table("By model", page.models, "model"),
      page.days.length ? table("By day", [...page.days].reverse(), null) : null));
  }

  function days() {
    const most = page.days.reduce((one, other) => (other.paid > one.paid ? other : one));
    const said = `Paid on each of ${counted(page.days.length, "day")}, from ${page.days[0].name} to ${page.days.at(-1).name}: at most ${dollars(most.paid)}, on ${most.name}`;
    return h("figure", { class: "over" }, h("div", { class: "scaled" }, h("span", {}, dollars(most.paid)), columns(page.days.map((each) => each.paid), said), h("span", {}, "$0")),
      h("figcaption", {}, h("span", {}, page.days[0].name), h("span", {}, page.days.at(-1).name)));
  }

  function table(title, lines, filter) {
    const saves = page.total.reused > 0;
    const most = Math.max(...lines.map((each) => each.paid + each.saved), Number.MIN_VALUE);
    return h("section", {}, h("h2", {}, title), h("div", { class: "wrapped", tabindex: "0", role: "group", "aria-label": title }, h("table", { class: "figures costs" },
      h("thead", {}, h("tr", {}, h("td", {}), h("th", { scope: "col" }, "paid"), h("td", {}), saves ? h("th", { scope: "col" }, "saved") : null, h("th", { scope: "col" }, "answers"), h("th", { scope: "col" }, "tokens asked"), h("th", { scope: "col" }, "answered"))),
      h("tbody", {}, lines.map((each) => h("tr", {},
        h("th", { scope: "row" }, filter && each.name ? h("a", { href: view.link("answers", { q: `${filter}=${/\s/.test(each.name) ? `"${each.name}"` : each.name}` }) }, each.name.replace("completion.", "")) : each.name || "not said"),
        h("td", {}, dollars(each.paid), each.unpriced ? h("small", {}, ` ${each.unpriced} unknown`) : null),
        h("td", { class: "drawn" }, bar(each.paid / most, each.saved / most, `${each.name}: ${dollars(each.paid)} paid, ${dollars(each.saved)} saved`)),
        saves ? h("td", {}, each.reused ? dollars(each.saved) : "") : null, h("td", {}, each.answers.toLocaleString("en-US")), h("td", {}, compact(each.prompt)), h("td", {}, compact(each.completion))))))));
  }

  drawn();
  return {
    async renew() {
      const got = await view.ask("cost");
      if (got === page) return;
      page = got;
      drawn();
    },
  };
}

export default { name: "cost", title: "Cost", about: ["state", "config"], draw };
