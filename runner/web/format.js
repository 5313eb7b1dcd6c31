// Numbers, times and addresses as people read them.

export function dollars(value) {
  if (value === null || value === undefined) return "";
  if (value === 0) return "$0";
  const places = value >= 1 ? 2 : Math.min(6, 2 - Math.floor(Math.log10(value)));
  return `$${value.toFixed(places)}`;
}

export function compact(value) {
  if (value === null || value === undefined) return "";
  for (const [size, unit] of [[1e9, "G"], [1e6, "M"], [1e4, "k"]])
    if (value >= size) return `${(value / (unit === "k" ? 1e3 : size)).toFixed(1)}${unit}`;
  return value.toLocaleString("en-US");
}

export function seconds(value) {
  if (value === null || value === undefined) return "";
  return value >= 100 ? `${Math.round(value)} s` : `${value.toFixed(value < 10 ? 2 : 1)} s`;
}

export function age(issued, now = Date.now()) {
  const past = (now - Date.parse(issued)) / 1000;
  if (!issued || Number.isNaN(past)) return "";
  for (const [size, unit] of [[31557600, "y"], [2629800, "mo"], [86400, "d"], [3600, "h"], [60, "min"]])
    if (past >= size) return `${Math.floor(past / size)} ${unit}`;
  return "now";
}

export function counted(number, noun) {
  return `${number.toLocaleString("en-US")} ${noun}${number === 1 ? "" : "s"}`;
}

export function percent(part, whole) {
  return whole ? `${Math.round((100 * part) / whole)} %` : "";
}

// `completion.ticket["case=t01,tone=warm"]` as what it is of, and its key as it is.
export function named(address) {
  const found = /^(.*?)\[(\d+|"(?:[^"\\]|\\.)*")\]$/s.exec(address);
  if (!found) return [address, ""];
  try {
    return [found[1], String(JSON.parse(found[2]))];
  } catch {
    return [found[1], found[2]];
  }
}

// What names an answer in an address of this page.
export function naming(index, row) {
  return { a: index.address[row], source: index.source.at[row] ? index.source.values[index.source.at[row]] : null };
}

// A key of a matrix by its values alone; any other as it is.
export function brief(key) {
  const cell = /([A-Za-z_]\w*)=((?:[^\\,=]|\\[\\,=])*)(?:,|$)/y;
  const values = [];
  for (let at = 0; at < key.length; at = cell.lastIndex) {
    cell.lastIndex = at;
    const found = cell.exec(key);
    if (!found) return key;
    values.push(found[2].replace(/\\(.)/g, "$1"));
  }
  return values.join(" · ");
}

// A share to a tenth of a percent, where that says more.
export function share(value) {
  const shown = Math.round(value * 1000) / 10;
  return `${Number.isInteger(shown) ? shown : shown.toFixed(1)} %`;
}
