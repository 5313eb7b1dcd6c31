// Pictures of numbers: functions from values to SVG, each said in words for whoever does not see it.
// Shapes stretch with the page; what is to be read stands around them as text.

import { svg } from "./dom.js";

const [WIDE, HIGH] = [100, 100]; // the shapes' own units

function picture(kind, said, ...shapes) {
  return svg("svg", { class: `chart ${kind}`, viewBox: `0 0 ${WIDE} ${HIGH}`, preserveAspectRatio: "none", role: "img", "aria-label": said }, ...shapes);
}

const number = (value) => Math.round(value * 100) / 100;

// A value over time with its interval: `points` are { value, low, high }, all from `least` to `most`;
// `limit` is what it has to reach.
export function trend(points, { least, most, limit, said }) {
  const x = (at) => number(points.length > 1 ? (WIDE * at) / (points.length - 1) : WIDE / 2);
  const y = (value) => number(HIGH - (HIGH * (value - least)) / (most - least || 1));
  const upper = points.map(({ high }, at) => `${x(at)},${y(high)}`);
  const lower = points.map(({ low }, at) => `${x(at)},${y(low)}`).reverse();
  return picture("trend", said,
    svg("polygon", { class: "band", points: [...upper, ...lower].join(" ") }),
    limit === null ? "" : svg("line", { class: "limit", x1: 0, x2: WIDE, y1: y(limit), y2: y(limit) }),
    svg("polyline", { class: "value", points: points.map(({ value }, at) => `${x(at)},${y(value)}`).join(" ") }));
}

// An interval on a scale with what it has to reach.
export function interval({ value, low, high }, { least = 0, most = 1, limit = null, said }) {
  const x = (at) => number((WIDE * (at - least)) / (most - least || 1));
  return picture("interval", said,
    svg("line", { class: "scale", x1: 0, x2: WIDE, y1: 50, y2: 50 }),
    svg("rect", { class: "band", x: x(low), width: Math.max(0.6, number(x(high) - x(low))), y: 25, height: 50 }),
    limit === null ? "" : svg("line", { class: "limit", x1: x(limit), x2: x(limit), y1: 0, y2: HIGH }),
    svg("line", { class: "value", x1: x(value), x2: x(value), y1: 12, y2: 88 }));
}

// Columns, one beside the other.
export function columns(values, said) {
  const most = Math.max(...values, Number.MIN_VALUE);
  const wide = WIDE / values.length;
  return picture("columns", said, ...values.map((value, at) => svg("rect", { x: number(at * wide + wide * 0.12), width: number(wide * 0.76), y: number(HIGH - (HIGH * value) / most), height: number((HIGH * value) / most) })));
}

// A part of the whole, and another after it.
export function bar(share, more, said) {
  return picture("amount", said, svg("rect", { class: "value", x: 0, y: 0, height: HIGH, width: number(WIDE * share) }), svg("rect", { class: "band", x: number(WIDE * share), y: 0, height: HIGH, width: number(WIDE * more) }));
}
