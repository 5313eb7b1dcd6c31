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

export function put(where, ...children) {
  where.replaceChildren(...children.flat().filter(Boolean));
  return where;
}

// A text with `marks`, [from, to] each, put into <mark>.
export function typing() {
  const at = document.activeElement;
  return at !== null && at.matches("input, select, textarea");
}
