// Elements. Text is only ever put in as text: what a model wrote is never read as HTML.

export function h(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

export function svg(tag, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

export function put(where, ...children) {
  where.replaceChildren(...children.flat().filter(Boolean));
  return where;
}

export function typing() {
  const at = document.activeElement;
  return at !== null && at.matches("input, select, textarea");
}

// j and k: the next of the elements that can be opened, or the one before, gets the focus.
export function stepped(root, event) {
  const by = { j: 1, k: -1 }[event.key];
  if (!by) return false;
  const all = [...root.querySelectorAll("summary")].filter((each) => each.checkVisibility());
  const at = all.indexOf(document.activeElement);
  all[at < 0 ? 0 : Math.max(0, Math.min(all.length - 1, at + by))]?.focus();
  return true;
}
