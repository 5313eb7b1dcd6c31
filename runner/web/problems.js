// What is wrong, with its place and its line.

import { h } from "./dom.js";

export function problem(each) {
  return h("section", { class: each.severity === "warning" ? "trouble mild" : "trouble" },
    h("h2", {}, each.summary),
    each.where ? h("p", { class: "where" }, each.where) : null,
    each.source ? h("pre", { class: "source", tabindex: "0" }, marked(each)) : null,
    h("p", {}, each.detail));
}

function marked({ source, column, width }) {
  if (!column) return source;
  const [from, to] = [column - 1, column - 1 + Math.max(1, width)];
  return [source.slice(0, from), h("mark", {}, source.slice(from, to)), source.slice(to)];
}
