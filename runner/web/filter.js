// `lima model:gpt-4o check:polite=fail cost>0.01 -status:complete "two words" /reg.?ex/`
//
// All terms hold. A word is looked for in the whole of an answer and its prompt; whether a row has
// it, the caller says (`has`). A term that means nothing is told, and left out.

const TERM = /(-?)(?:(\w+)(>=|<=|>|<|:|=)("[^"]*"|\S*)|"([^"]*)"|\/((?:[^/\\]|\\.)+)\/|(\S+))/g;
const NUMBERS = { cost: "cost", seconds: "seconds", tokens: "tokens", in: "prompt_tokens", out: "completion_tokens" };
const WORDS = ["source", "kind", "block", "model", "status", "provider", "finish"];
const COMPARED = { ">": (a, b) => a > b, "<": (a, b) => a < b, ">=": (a, b) => a >= b, "<=": (a, b) => a <= b };
const MARKS = { fail: "-", pass: "+", unscored: "?", none: "" };

export function parse(text) {
  const terms = [];
  for (const [whole, not, key, sign, value, quoted, regex, word] of text.matchAll(TERM)) {
    const negative = not === "-" && whole.length > 1;
    if (key !== undefined) terms.push({ negative, key, sign, value: value.replace(/^"|"$/g, ""), whole });
    else if (regex !== undefined) terms.push({ negative, regex, whole });
    else terms.push({ negative, word: quoted ?? (negative ? word : whole), whole });
  }
  return terms;
}

// The texts that have to be looked for in whole answers.
export function texts(terms) {
  return terms.flatMap((term) => (term.word ? [{ q: term.word }] : term.regex ? [{ re: term.regex }] : []));
}

// `has(term, row)` says it of texts; gives { rows, problems }.
export function matching(terms, index, verdicts, has) {
  const problems = [];
  const tests = terms.map((term) => {
    const test = tested(term, index, verdicts, has);
    if (typeof test === "string") {
      problems.push(test);
      return null;
    }
    return term.negative ? (row) => !test(row) : test;
  }).filter(Boolean);
  if (!terms.some((term) => term.key === "kind")) {
    const completion = index.kind.values.indexOf("completion");
    tests.unshift((row) => index.kind.at[row] === completion);
  }
  if (!terms.some((term) => term.key === "source")) tests.unshift((row) => index.source.at[row] === 0);
  const rows = [];
  for (let row = 0; row < index.address.length; row += 1) if (tests.every((test) => test(row))) rows.push(row);
  return { rows, problems };
}

function tested(term, index, verdicts, has) {
  if (term.key === undefined) return (row) => has(term, row);
  const { key, sign, value } = term;
  if (key in NUMBERS && sign !== ":") return number(key, sign, value, index);
  if (key === "check") return check(value, verdicts);
  if (key === "is" && value === "outdated") {
    const outdated = new Set(verdicts?.outdated ?? []);
    return (row) => outdated.has(row);
  }
  const column = WORDS.includes(key) ? index[key] : index.axes[key];
  if (column !== undefined) return coded(column, sign, value);
  if (key === "address") return (row) => index.address[row].includes(value);
  const known = [...WORDS, "address", "check", "is", ...Object.keys(NUMBERS), ...Object.keys(index.axes)];
  return `There is no column "${key}": ${known.join(", ")}.`;
}

function number(key, sign, value, index) {
  const limit = Number(value);
  if (value === "" || Number.isNaN(limit)) return `"${value}" is no number: ${key}>0.5`;
  const compare = COMPARED[sign] ?? ((a, b) => a === b);
  const read = key === "tokens"
    ? (row) => (index.prompt_tokens[row] === null ? null : index.prompt_tokens[row] + index.completion_tokens[row])
    : (row) => index[NUMBERS[key]][row];
  return (row) => read(row) !== null && compare(read(row), limit);
}

function coded(column, sign, value) {
  const wanted = value.toLowerCase();
  const fits = column.values.map((word) => (sign === "=" ? word === value : word.toLowerCase().includes(wanted)));
  return (row) => column.at[row] >= 0 && fits[column.at[row]];
}

function check(value, verdicts) {
  const [name, mark = "fail"] = value.split("=");
  if (!(mark in MARKS)) return `A check is ${Object.keys(MARKS).join(", ")}: check:${name || "NAME"}=fail`;
  const columns = (verdicts?.checks ?? []).filter((each) => name === "" || name === "*" || each.address.replace("check.", "").includes(name));
  if (verdicts && !columns.length) return `There is no check "${name}".`;
  return (row) => columns.some((each) => each.marks[row] === MARKS[mark]);
}
