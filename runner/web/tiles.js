// A few numbers beside each other, each over its name.

import { h } from "./dom.js";

export function tiles(pairs) {
  return h("dl", { class: "tiles" }, pairs.map(([number, name]) => h("div", {}, h("dt", {}, name), h("dd", {}, number))));
}
