// Where values come from: the server that sent this page. A report has the same values in itself.

const KEPT = "runner.token";
const known = new Map(); // by address: the tag and the value that came with it

export class Refused extends Error {}
export class Away extends Error {}

let token = "";

export function useToken(given) {
  token = given || localStorage.getItem(KEPT) || "";
  if (given) localStorage.setItem(KEPT, given);
}

function headers(more = {}) {
  return { "X-Runner-Token": token, ...more };
}

// The same object as before if it has not changed.
export async function ask(name, query = {}) {
  const words = new URLSearchParams(query).toString();
  const path = `/api/${name}${words ? `?${words}` : ""}`;
  const before = known.get(path);
  let answer;
  try {
    answer = await fetch(path, { headers: headers(before ? { "If-None-Match": before.tag } : {}), cache: "no-store" });
  } catch {
    throw new Away();
  }
  if (answer.status === 403) throw new Refused();
  if (answer.status === 304) return before.value;
  if (!answer.ok) throw new Away();
  const value = await answer.json();
  known.set(path, { tag: answer.headers.get("ETag"), value });
  if (known.size > 200) known.delete(known.keys().next().value);
  return value;
}

// Tells `news` the names under which something changed, all of them (null) after each new contact,
// and `contact` whether the server is there.
export async function follow(news, contact) {
  for (let wait = 300; ; wait = Math.min(wait * 1.5, 3000)) {
    try {
      const answer = await fetch("/api/events", { headers: headers(), cache: "no-store" });
      if (answer.status === 403) throw new Refused();
      wait = 300;
      contact(true);
      await read(answer.body.getReader(), news);
    } catch (wrong) {
      if (wrong instanceof Refused) return contact(false, true);
    }
    contact(false);
    await new Promise((go) => setTimeout(go, wait));
  }
}

async function read(reader, news) {
  const text = new TextDecoder();
  for (let rest = ""; ; ) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (rest + text.decode(value, { stream: true })).split("\n\n");
    rest = parts.pop();
    for (const part of parts) {
      if (part === ": here") news(null);
      const data = part.split("\n").find((line) => line.startsWith("data: "));
      if (data) news(JSON.parse(data.slice(6)));
    }
  }
}
