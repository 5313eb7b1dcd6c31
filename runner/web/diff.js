// Texts that changed: lines with the words that went and came.

import { h } from "./dom.js";
import { counted } from "./format.js";

const SIGNS = { same: "", changed: "~", gone: "−", came: "+" };
const SPANS = { gone: "del", came: "ins" };

export function spans(parts) {
  return parts.map(({ kind, text }) => (kind === "same" ? text : h(SPANS[kind], {}, text)));
}

// `hunks` are lines that stand together, each after some that are not shown.
export function hunks(parts, dense) {
  return h("div", { class: dense ? "lines" : "lines changed" }, parts.flatMap((part) => [
    part.skipped ? h("div", { class: "skipped" }, counted(part.skipped, "line")) : null,
    ...part.lines.map((line) => h("div", { class: `line ${line.kind}` },
      dense ? null : h("span", { class: "sign", "aria-hidden": "true" }, SIGNS[line.kind]),
      h("span", { class: "words", dir: "auto" }, spans(line.spans)))),
  ]));
}
