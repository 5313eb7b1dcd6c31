// Markdown as elements, made here: headings, lists, quotes, code, emphasis and links. What is no
// such thing stays as it is written; HTML is text, and an image is its address.

import { h } from "./dom.js";

const SAFE = /^https?:\/\//i;
const INLINE = /(`+)(.+?)\1|(\*\*|__)(?=\S)(.+?)\3|([*_])(?=\S)([^*_]+?)\5|!?\[([^\]]*)\]\(([^)\s]+)[^)]*\)/g;

export function rendered(text) {
  const lines = text.split("\n");
  const made = [];
  for (let at = 0; at < lines.length; ) at = block(lines, at, made);
  return made;
}

function block(lines, at, made) {
  const line = lines[at];
  const fence = /^\s*(```+|~~~+)/.exec(line);
  if (fence) {
    let end = at + 1;
    while (end < lines.length && !lines[end].trim().startsWith(fence[1])) end += 1;
    made.push(h("pre", { class: "code", tabindex: "0" }, lines.slice(at + 1, end).join("\n")));
    return end + 1;
  }
  const heading = /^(#{1,6})\s+(.*)/.exec(line);
  if (heading) {
    made.push(h("p", { class: `head head${heading[1].length}` }, inline(heading[2])));
    return at + 1;
  }
  if (/^\s*([-*_])(\s*\1){2,}\s*$/.test(line)) {
    made.push(h("hr"));
    return at + 1;
  }
  if (/^\s*>/.test(line)) return run(lines, at, /^\s*>\s?(.*)/, (held) => made.push(h("blockquote", {}, rendered(held.join("\n")))));
  const list = /^\s*(?:([-*+])|\d+[.)])\s+/.exec(line);
  if (list) {
    const form = list[1] ? /^\s*[-*+]\s+(.*)/ : /^\s*\d+[.)]\s+(.*)/;
    return run(lines, at, form, (held) => made.push(h(list[1] ? "ul" : "ol", {}, held.map((each) => h("li", {}, inline(each))))));
  }
  if (!line.trim()) return at + 1;
  let end = at + 1;
  while (end < lines.length && lines[end].trim() && !/^\s*(```|~~~|#{1,6}\s|>|[-*+]\s|\d+[.)]\s)/.test(lines[end])) end += 1;
  made.push(h("p", {}, inline(lines.slice(at, end).join("\n"))));
  return end;
}

function run(lines, at, form, put) {
  const held = [];
  for (let found; at < lines.length && (found = form.exec(lines[at])); at += 1) held.push(found[1]);
  put(held);
  return at;
}

function inline(text) {
  const made = [];
  let at = 0;
  for (const found of text.matchAll(INLINE)) {
    made.push(text.slice(at, found.index));
    at = found.index + found[0].length;
    const [whole, ticks, code, , strong, , weak, title, address] = found;
    if (ticks) made.push(h("code", {}, code));
    else if (strong) made.push(h("strong", {}, strong));
    else if (weak) made.push(h("em", {}, weak));
    else if (!whole.startsWith("!") && SAFE.test(address)) made.push(h("a", { href: address, rel: "noreferrer noopener", target: "_blank" }, title || address));
    else made.push(whole);
  }
  made.push(text.slice(at));
  return made;
}
