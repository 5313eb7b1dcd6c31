// Where the values of a report come from: the page itself. What stands in the place of data.js there.

import { differing } from "./words.js";

export class Refused extends Error {}
export class Away extends Error {}

const held = unpacked();

async function unpacked() {
  const packed = atob(document.getElementById("values").textContent);
  const bytes = new Uint8Array(packed.length);
  for (let at = 0; at < packed.length; at += 1) bytes[at] = packed.charCodeAt(at);
  const text = await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"))).text();
  const [first, ...answers] = text.split("\n");
  const values = JSON.parse(first);
  values.index.first_line = answers.map((_, row) => JSON.parse(parts(answers, row)[0]));
  return { values, answers };
}

export function useToken() {}

export async function follow() {}

// The same values as a server has under the same name.
export async function ask(name, query = {}) {
  const { values, answers } = await held;
  const own = { answer, find, cells, words, side, history }[name];
  if (own) return own(values, answers, query);
  return values[name] ?? missing;
}

const missing = { problems: [{ severity: "error", summary: "Not in this report", detail: "The past is not in this report: `runner view` shows it.", where: "" }] };

const history = (values, _, { a }) => (a || !values.history ? missing : values.history);

// A line is how an answer begins and the answer, or the row of the same one.
function parts(answers, row) {
  const line = answers[row];
  const end = line.indexOf("\t");
  return end < 0 ? parts(answers, Number(line)) : [line.slice(0, end), line.slice(end + 1)];
}

const read = (answers, row) => JSON.parse(parts(answers, row)[1]);

function answer(values, answers, { a, source }) {
  const { index } = values;
  const rows = index.address.flatMap((address, row) => (address === a && (!source || index.source.values[index.source.at[row]] === source) ? [row] : []));
  if (!rows.length) return { problems: [{ severity: "error", summary: "Unknown address", detail: `There is no record of ${a}.`, where: "" }] };
  const { page, verdicts, outdated } = read(answers, rows[0]);
  const other = index.source.at[rows[0]] > 0;
  return { page, verdicts: other ? [] : verdicts, outdated: other ? null : outdated };
}

function said({ page, text }) {
  return text ?? page.choices[0].turn.parts.map((part) => part.text).join("\n");
}

let known = null; // what was asked and answered in each row

function find(values, answers, { q = "", re = "" }) {
  known ??= answers.map((_, row) => {
    const { page } = read(answers, row);
    return [...page.asked, ...page.choices.map((choice) => choice.turn)].flatMap((turn) => turn.parts.map((part) => part.text));
  });
  const small = q.toLowerCase();
  let pattern;
  try {
    pattern = re && new RegExp(re, "s");
  } catch (wrong) {
    return { problems: [{ severity: "error", summary: "Invalid pattern", detail: wrong.message, where: "" }] };
  }
  const has = re ? (text) => pattern.test(text) : (text) => text.toLowerCase().includes(small);
  return known.flatMap((texts, row) => (texts.some(has) ? [row] : []));
}

function cells(values, answers, { rows = "" }) {
  return rows.split(",").filter((row) => row in answers).map((row) => {
    const text = said(read(answers, row));
    return { row: Number(row), text: text.slice(0, 20000), length: text.length };
  });
}

function words(values, answers, { pairs = "" }) {
  return pairs.split(",").map((pair) => {
    const [one, other] = pair.split("-").map((row) => said(read(answers, row)));
    return { pair, spans: differing(one, other) };
  });
}

function side(values, answers, { block, by }) {
  const of = values.sides.find((each) => block === undefined || each.block === block);
  if (!of) return { problems: [{ severity: "error", summary: "Nothing to compare", detail: "No block has answers of a matrix.", where: "" }] };
  const axis = of.axes.includes(by) ? by : of.usual;
  return values.side.find((each) => each.block === of.block && each.axis === axis);
}
