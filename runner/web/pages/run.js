// An apply while it runs, and what it came to.

import { h, put } from "../dom.js";
import { brief, compact, counted, dollars, named, seconds } from "../format.js";
import { tiles } from "../tiles.js";

const SIGNS = { failed: "✕", skipped: "–" };

async function draw(view) {
  let run = await view.ask("run");
  const sheet = h("div", { class: "sheet" });
  put(view.root, sheet);
  const clock = setInterval(ticked, 1000);

  const past = () => (run.state === "running" ? Math.max(run.at, (Date.now() - Date.parse(run.began)) / 1000) : run.at);

  function time(from) {
    const whole = Math.max(0, Math.floor(from));
    return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
  }

  function ticked() {
    if (run.state !== "running") return;
    for (const each of sheet.querySelectorAll("[data-since]")) each.textContent = time(past() - Number(each.dataset.since));
  }

  function name(each, href = null) {
    const [block, key] = named(each.address);
    return h(href ? "a" : "span", { class: "address", href }, block, key ? h("b", {}, ` ${brief(key)}`) : null);
  }

  function bar() {
    const over = run.done + run.failed + run.skipped;
    return h("div", { class: "progress", role: "progressbar", "aria-label": "Done", "aria-valuemin": 0, "aria-valuemax": run.total, "aria-valuenow": over },
      h("progress", { max: Math.max(1, run.total), value: over, "aria-hidden": "true" }));
  }

  function flying() {
    if (!run.flying) return null;
    return h("section", { class: "flights" }, h("h2", {}, `In flight, ${run.flying.toLocaleString("en-US")}`),
      h("ul", {}, run.in_flight.map((each) => h("li", {},
        h("p", {}, name(each), h("span", { class: "number", "data-since": each.at }, time(past() - each.at))),
        each.text ? h("p", { class: "text", dir: "auto" }, each.text.slice(-400), h("span", { class: "caret", "aria-hidden": "true" })) : null))),
      run.flying > run.in_flight.length ? h("p", { class: "soft" }, `and ${(run.flying - run.in_flight.length).toLocaleString("en-US")} more`) : null);
  }

  function failures() {
    if (!run.failed) return null;
    const same = new Map();
    for (const each of run.failures) same.set(each.said, [...(same.get(each.said) ?? []), each]);
    return h("section", { class: "failures" }, h("h2", {}, counted(run.failed, "failure")),
      [...same].map(([said, steps]) => h("div", { class: "closed" }, h("p", {}, said),
        h("ul", {}, steps.map((each) => h("li", {}, name(each, view.link("plan", { a: each.address }))))))));
  }

  function ended() {
    if (!run.ended.length) return null;
    return h("section", { class: "endings" }, h("h2", {}, "Last ended"),
      h("ul", {}, run.ended.map((each) => h("li", { class: each.how },
        h("span", { class: "sign", "aria-hidden": "true" }, SIGNS[each.how] ?? "✓"), ["skipped", "failed", "removed"].includes(each.how) ? name(each) : name(each, view.link("answer", { a: each.address })),
        h("span", { class: "soft" }, [each.how, each.how === "failed" ? null : each.said, seconds(each.seconds), dollars(each.cost)].filter(Boolean).join(" · "))))));
  }

  function render() {
    const top = scrollY;
    if (run.state === "none") {
      put(sheet, h("section", { class: "trouble" }, h("h1", {}, "No apply runs"), h("p", {}, "What ", h("code", {}, "runner apply"), " does is shown here while it runs: what is in flight, what it waits for, what failed; with ", h("code", {}, "--stream"), " also the answers as they are written.")));
      return;
    }
    const running = run.state === "running";
    put(sheet,
      h("h1", {}, running ? `Applying: ${run.done.toLocaleString("en-US")} of ${run.total.toLocaleString("en-US")} done` : run.message || "The run has ended without a word: it was killed, or this page followed it no more"),
      bar(),
      h("p", { role: "status", class: run.waiting ? "waiting" : "unseen" }, run.waiting ? `Waiting: ${run.waiting}` : running ? "" : "The apply is over"),
      tiles([[run.done.toLocaleString("en-US"), "done"], [run.flying.toLocaleString("en-US"), "in flight"], [run.failed.toLocaleString("en-US"), "failed"],
        ...(run.skipped ? [[run.skipped.toLocaleString("en-US"), "skipped"]] : []), [dollars(run.cost), "spent"], [compact(run.tokens), "tokens"],
        [h("span", running ? { "data-since": 0 } : {}, time(past())), "time"]]),
      failures(), flying(), ended());
    scrollTo(0, top);
  }

  render();
  return {
    async renew() {
      const now = await view.ask("run");
      if (now === run || !view.root.isConnected) return;
      run = now;
      render();
    },
    leave: () => clearInterval(clock),
  };
}

export default { name: "run", title: "Run", only: "view", about: ["run"], draw };
