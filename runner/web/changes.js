// Changes of answers: what was asked otherwise, and how the answer differs.

import { spans } from "./diff.js";
import { h } from "./dom.js";
import { brief, named } from "./format.js";

const SIGNS = { new: "+", removed: "−", "asked differently": "~", "answered differently": "≠", moved: ">" };

// One change behind its line; `address` is how the line names it.
export function change(each, address = title(each.address)) {
  return h("details", { class: `change ${each.kind.replace(" ", "-")}` },
    h("summary", {}, h("span", { class: "sign", "aria-hidden": "true" }, SIGNS[each.kind]), h("span", { class: "code" }, address),
      h("span", { class: "why" }, each.why === each.kind ? each.kind : `${each.kind} · ${each.why}`)),
    h("div", { class: "inside" }, asked(each), answered(each)));
}

export function title(address) {
  const [of, key] = named(address);
  return key ? `${of.replace("completion.", "")} ${brief(key)}` : of;
}

function asked(each) {
  return each.request.length ? [h("h4", {}, "Asked"), ...each.request.map(path)] : null;
}

function answered(each) {
  if (each.text !== null) return [h("h4", {}, each.kind === "removed" ? "It was" : "Answer"), h("p", { class: "text", dir: "auto" }, each.text)];
  if (each.paths.length) return [h("h4", {}, "Answer"), ...each.paths.map(path)];
  if (!each.lines.length) return [h("h4", {}, "Answer"), h("p", { class: "soft" }, "The same as before.")];
  return [h("h4", {}, "Answer"), diff(each.lines)];
}

const diff = (lines) => h("div", { class: "diff", dir: "auto" }, lines.map(line));

const line = (each) => h("p", { class: each.kind }, each.spans.length ? spans(each.spans) : "\u00a0");

function path({ path: name, before, after, lines }) {
  return h("dl", { class: "path" }, h("dt", { class: "code" }, name),
    h("dd", {}, lines.length ? diff(lines) : null, before === null ? null : h("del", {}, before), after === null ? null : h("ins", {}, after)));
}
