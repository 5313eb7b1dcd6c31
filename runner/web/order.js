// In which order a page listed answers: the page of one of them leads on to what stood below it.

import { naming } from "./format.js";

let listed = [];

// What a page showed last, by rows of the index.
export function keepOrder(index, rows) {
  listed = rows.map((row) => naming(index, row));
}

// What stood before and after an answer: where it was listed, else among all that are recorded.
export function beside(index, name) {
  const is = (each) => each.a === name.a && each.source === name.source;
  const held = listed.some(is) ? listed : index.address.map((_, row) => naming(index, row));
  const at = held.findIndex(is);
  return at < 0 ? [] : [held[at - 1], held[at + 1]];
}
