// What of two texts is the same, what went and what came, word by word: as a server tells it.

const SIGNS = "\\u3040-\\u30ff\\u3400-\\u4dbf\\u4e00-\\u9fff\\uf900-\\ufaff"; // scripts without spaces
const WORD = new RegExp(`(?:(?![${SIGNS}])[\\p{L}\\p{N}_])+|[^\\S\\n]+|[^]`, "gu");
const MOST = 4e6; // pairs that are compared

export function differing(one, other) {
  const [before, after] = [one.match(WORD) ?? [], other.match(WORD) ?? []];
  const least = Math.min(before.length, after.length);
  let head = 0;
  while (head < least && before[head] === after[head]) head += 1;
  let tail = 0;
  while (tail < least - head && before.at(-1 - tail) === after.at(-1 - tail)) tail += 1;
  const between = steps(before.slice(head, before.length - tail), after.slice(head, after.length - tail));
  return merged([["same", before.slice(0, head).join("")], ...between, ["same", tail ? before.slice(-tail).join("") : ""]]);
}

// The longest row of words that both have, from its end.
function steps(before, after) {
  const [n, m] = [before.length, after.length];
  if (n * m > MOST) return [["gone", before.join("")], ["came", after.join("")]];
  const wide = m + 1;
  const common = new Uint16Array((n + 1) * wide);
  for (let i = n - 1; i >= 0; i -= 1)
    for (let j = m - 1; j >= 0; j -= 1)
      common[i * wide + j] = before[i] === after[j] ? common[(i + 1) * wide + j + 1] + 1 : Math.max(common[(i + 1) * wide + j], common[i * wide + j + 1]);
  const made = [];
  for (let i = 0, j = 0; i < n || j < m; ) {
    if (i < n && j < m && before[i] === after[j]) made.push(["same", before[i]]), (i += 1), (j += 1);
    else if (j === m || (i < n && common[(i + 1) * wide + j] >= common[i * wide + j + 1])) made.push(["gone", before[i]]), (i += 1);
    else made.push(["came", after[j]]), (j += 1);
  }
  return made;
}

// White space between two changes is on both sides of one change.
function merged(found) {
  const spans = [];
  let [gone, came] = ["", ""];
  const told = () => {
    if (gone) spans.push({ kind: "gone", text: gone });
    if (came) spans.push({ kind: "came", text: came });
    [gone, came] = ["", ""];
  };
  for (const [kind, text] of found) {
    if (kind === "gone") gone += text;
    else if (kind === "came") came += text;
    else if (gone && came && /^[^\S\n]+$/.test(text)) [gone, came] = [gone + text, came + text];
    else if (text) {
      told();
      if (spans.at(-1)?.kind === "same") spans.at(-1).text += text;
      else spans.push({ kind, text });
    }
  }
  told();
  return spans;
}
