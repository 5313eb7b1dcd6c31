// Rows of one height, of which only those in sight are there.

const BEYOND = 3;
const PRINTED = 2000; // rows on paper

export class Rows {
  // `draw(position)` gives the element of a row; `height()` what all of them have.
  constructor(scroller, { draw, height, chosen = () => {} }) {
    this.scroller = scroller;
    this.space = document.createElement("div");
    this.space.className = "space";
    this.space.setAttribute("role", "rowgroup");
    scroller.append(this.space);
    this.draw = draw;
    this.height = height;
    this.chosen = chosen;
    this.count = 0;
    this.active = 0;
    this.shown = new Map();
    scroller.addEventListener("scroll", () => this.later(), { passive: true });
    this.watch = new ResizeObserver(() => this.fit());
    this.watch.observe(scroller);
    this.print = ({ type }) => {
      this.printed = type === "beforeprint";
      this.now();
    };
    for (const type of ["beforeprint", "afterprint"]) addEventListener(type, this.print);
  }

  leave() {
    this.watch.disconnect();
    for (const type of ["beforeprint", "afterprint"]) removeEventListener(type, this.print);
  }

  // Other rows; what was in sight stays there as far as it can.
  show(count) {
    this.count = count;
    this.active = Math.max(0, Math.min(this.active, count - 1));
    for (const row of this.shown.values()) row.remove();
    this.shown.clear();
    this.fit();
  }

  fit() {
    this.size = this.height();
    this.space.style.height = `${this.count * this.size}px`;
    for (const [at, row] of this.shown) this.place(row, at);
    this.now();
  }

  later() {
    if (this.pending) return;
    this.pending = true;
    requestAnimationFrame(() => this.now());
  }

  now() {
    this.pending = false;
    const top = this.scroller.scrollTop - this.space.offsetTop;
    const first = this.printed ? 0 : Math.max(0, Math.floor(top / this.size) - BEYOND);
    const last = Math.min(this.count, this.printed ? PRINTED : Math.ceil((top + this.scroller.clientHeight) / this.size) + BEYOND);
    for (const [at, row] of this.shown) {
      if (at >= first && at < last) continue;
      row.remove();
      this.shown.delete(at);
    }
    for (let at = first; at < last; at += 1) {
      if (this.shown.has(at)) continue;
      const row = this.draw(at);
      row.id = `row${at}`;
      row.setAttribute("aria-rowindex", String(at + 2));
      this.place(row, at);
      this.mark(row, at);
      this.shown.set(at, row);
      this.space.append(row);
    }
    this.onSight?.(first, last);
  }

  place(row, at) {
    row.style.transform = `translateY(${at * this.size}px)`;
  }

  mark(row, at) {
    row.classList.toggle("active", at === this.active);
    row.setAttribute("aria-selected", String(at === this.active));
  }

  // Shown for the first time, with keys at a row.
  begin(at) {
    this.fit();
    this.move(at);
    this.scroller.focus({ preventScroll: true });
  }

  // Makes another row the one that keys are about, and brings it into sight.
  move(to) {
    if (!this.count) return;
    this.active = Math.max(0, Math.min(to, this.count - 1));
    const top = this.space.offsetTop + this.active * this.size;
    const head = this.scroller.querySelector("[data-sticky]")?.offsetHeight ?? 0;
    if (top - head < this.scroller.scrollTop) this.scroller.scrollTop = top - head;
    else if (top + this.size > this.scroller.scrollTop + this.scroller.clientHeight)
      this.scroller.scrollTop = top + this.size - this.scroller.clientHeight;
    this.now();
    for (const [at, row] of this.shown) this.mark(row, at);
    this.scroller.setAttribute("aria-activedescendant", `row${this.active}`);
    this.chosen(this.active);
  }

  key(name) {
    const page = Math.max(1, Math.floor(this.scroller.clientHeight / this.size) - 1);
    const steps = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -this.count, End: this.count };
    if (!(name in steps)) return false;
    this.move(this.active + steps[name]);
    return true;
  }
}
