// What waits for what: a box a block or module, by how far it is.

import { h, put, svg } from "../dom.js";

const LINE = 17;
const STANDINGS = { failed: "failed", "in flight": "flying", waiting: "waits", done: "done" };

async function draw(view) {
  const opened = view.query.get("in") ?? "";
  const query = opened ? { in: opened } : {};
  let graph = await view.ask("graph", query);
  let last = 0;
  const sheet = h("div", { class: "sheet wide" });
  put(view.root, sheet);

  function standing({ counts, is_outside: outside }) {
    return outside ? "outside" : STANDINGS[Object.keys(STANDINGS).find((each) => counts[each])] ?? "none";
  }

  function where(box) {
    if (box.kind === "module") return view.link("graph", { in: box.address });
    if (!box.counts.done) return view.link("plan", { q: box.address });
    const own = box.address.slice(box.address.lastIndexOf("completion."));
    const kind = box.kind === "data" ? "kind:data " : "";
    return view.link("answers", { q: box.address.startsWith("module.") || kind ? `${kind}block:${kind ? box.address : own}` : `block=${box.address}` });
  }

  function said(box) {
    const counts = Object.entries(box.counts).map(([name, number]) => `${number} ${name}`);
    return [box.address + (box.more ? ` and ${box.more} like it` : ""), box.kind === "module" ? "module" : null, ...counts, box.needs.length ? `waits for ${box.needs.join(", ")}` : null].filter(Boolean).join("; ");
  }

  function node(place) {
    const box = graph.boxes[place.name];
    const [title, about] = place.texts;
    const middle = place.left + place.width / 2;
    const first = place.top + 6 + LINE * (about ? 0.8 : 1.3);
    const link = svg("a", { href: where(box), class: `box ${standing(box)} ${box.kind}`, "aria-label": said(box), id: `box ${place.name}`.replaceAll(/\W/g, "-") },
      svg("title", {}, said(box)),
      box.kind === "module" ? svg("rect", { x: place.left + 5, y: place.top + 5, width: place.width - 10, height: place.height, rx: 8, class: "behind" }) : null,
      svg("rect", { x: place.left, y: place.top, width: place.width, height: place.height, rx: 8 }),
      svg("text", { x: middle, y: first, "text-anchor": "middle" }, title),
      about ? svg("text", { x: middle, y: first + LINE, "text-anchor": "middle", class: "about" }, about) : null);
    link.addEventListener("focus", () => light(place.name));
    link.addEventListener("pointerenter", () => light(place.name));
    return link;
  }

  // The lines of one box, apart from all others.
  function light(name) {
    for (const each of sheet.querySelectorAll("path[data-from]")) each.classList.toggle("lit", each.dataset.from === name || each.dataset.to === name);
  }

  function picture() {
    const { width, height, boxes, lines } = graph.drawing;
    const arrow = svg("marker", { id: "arrow", viewBox: "0 0 8 8", refX: 8, refY: 4, markerWidth: 8, markerHeight: 8, orient: "auto" }, svg("path", { d: "M0 0 L8 4 L0 8 z" }));
    return h("div", { class: "picture", tabindex: "0", role: "region", "aria-label": "What waits for what" },
      svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": "Blocks" },
        svg("defs", {}, arrow),
        lines.map((line) => svg("path", { d: line.path, "marker-end": "url(#arrow)", "data-from": line.source, "data-to": line.target })),
        boxes.map(node)));
  }

  function legend() {
    const found = new Set(Object.values(graph.boxes).map(standing));
    const words = { done: "done", waits: "waiting", flying: "in flight", failed: "failed", outside: "outside of the module", none: "without an instance" };
    return h("ul", { class: "legend" }, Object.entries(words).filter(([name]) => found.has(name)).map(([name, word]) => h("li", { class: name }, word)));
  }

  function render() {
    const focused = document.activeElement?.closest?.("a.box")?.id;
    const [left, top] = [sheet.querySelector(".picture")?.scrollLeft ?? 0, scrollY];
    const way = [["", "All"], ...graph.around.map((each) => [each, each]), [graph.opened, graph.opened]];
    put(sheet,
      h("h1", { class: graph.opened ? "unseen" : "" }, graph.opened ? `What waits for what in ${graph.opened}` : "What waits for what"),
      graph.opened ? h("nav", { class: "way", "aria-label": "Modules" }, way.map(([name, title], at) => (at === way.length - 1 ? h("b", {}, title) : h("a", { href: view.link("graph", { in: name }) }, title, " ›")))) : null,
      graph.drawing.boxes.length ? [legend(), picture()] : h("p", { class: "soft" }, "There is no block yet."));
    if (left) sheet.querySelector(".picture").scrollLeft = left;
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
    scrollTo(0, top);
  }

  function move(by) {
    const all = [...sheet.querySelectorAll("a.box")];
    const at = all.indexOf(document.activeElement);
    all[Math.max(0, Math.min(all.length - 1, at + by))]?.focus();
    return true;
  }

  render();
  return {
    async renew(names) {
      if (names?.every((name) => name === "run") && Date.now() - last < 1000) return;
      last = Date.now();
      const now = await view.ask("graph", query);
      if (now === graph || !view.root.isConnected) return;
      graph = now;
      render();
    },
    key(event) {
      if (event.key === "j" || event.key === "ArrowDown") return move(1);
      if (event.key === "k" || event.key === "ArrowUp") return move(-1);
      if (event.key === "Escape" && graph.opened) return view.go("graph", { in: graph.around.at(-1) ?? "" }), true;
      return false;
    },
    help: [["Enter", "the answers of a block, or the blocks of a module"]],
  };
}

export default { name: "graph", title: "Graph", only: "view", about: ["state", "config", "run"], draw };
