//! A table as long as a plant is large: only the lines in its window are elements, each as high as the others.
//!
//! A line is told as cells, each by what stands for its content; a cell that says the same as before is left alone, so
//! focus and selection outlive the next answer. A head that was pressed orders by its column; otherwise the order is
//! that in which lines were given.
//! Knows nothing of what is listed. Invariant: a line that has left the window is no element any more.

import { el, fill } from "./dom.js";
import { shape } from "./marks.js";

/** @typedef {import("./dom.js").Child} Child */
/** @typedef {[content: unknown, show: () => Child]} Cell what stands for its content, and what makes it */
/** @typedef {{ key: string, isGrave?: boolean, cells: Cell[] }} Line */
/** @typedef {{ element: HTMLTableRowElement, said: string[] }} Row */
/**
 * @template T
 * @typedef {{ label: string, width: number, isNumber?: boolean, order?: (item: T) => string | number }} Column width in
 *   pixels, of which each takes its share; by what it is ordered if its head is pressed, numbers from the largest down
 */

/** Lines beyond the window, so that a slow frame shows no gap. */
const BEYOND = 12;

/** @template T */
export class LongTable {
  element = el("div", { class: "scroll long", tabindex: 0, role: "region" });
  #space = [el("td"), el("td")];
  #body = el("tbody");
  #columns;
  #lineOf;
  /** @type {T[]} as they were given */
  #given = [];
  /** @type {T[]} as they stand */
  #items = [];
  /** @type {Map<string, Row>} */
  #rows = new Map();
  /** @type {HTMLTableCellElement[]} */
  #heads;
  /** @type {{ column: number, isDown: boolean } | null} */
  #order = null;
  #frame = 0;
  #height = 32;
  #table;

  /**
   * @param {string} label what is listed @param {Column<T>[]} columns @param {(item: T) => string} keyOf
   * @param {(item: T) => Line["cells"]} lineOf @param {(item: T) => boolean} [isGrave]
   */
  constructor(label, columns, keyOf, lineOf, isGrave = () => false) {
    this.#columns = columns;
    this.#lineOf = (/** @type {T} */ item) => ({ key: keyOf(item), isGrave: isGrave(item), cells: lineOf(item) });
    this.#heads = columns.map((column, at) => this.#head(column, at));
    const widths = columns.map(({ width }) => {
      const col = el("col");
      col.style.width = `${width}px`;
      return col;
    });
    for (const space of this.#space) space.colSpan = columns.length;
    this.#table = el(
      "table",
      {},
      el("colgroup", {}, ...widths),
      el("thead", {}, el("tr", { "aria-rowindex": 1 }, ...this.#heads)),
      this.#body,
    );
    this.#table.style.minWidth = `${columns.reduce((sum, { width }) => sum + width, 0)}px`;
    this.element.setAttribute("aria-label", label);
    this.element.append(this.#table);
    this.element.addEventListener("scroll", () => this.#soon(), { passive: true });
    new ResizeObserver(() => this.#soon()).observe(this.element);
  }

  /** How many lines there are. */
  get length() {
    return this.#given.length;
  }

  /** @param {T[]} items */
  show(items) {
    this.#given = items;
    this.#arrange();
  }

  /** @param {Column<T>} column @param {number} at */
  #head({ label, isNumber, order }, at) {
    const button = el("button", { type: "button", class: "as-head", click: () => this.#press(at) }, label);
    return el("th", { scope: "col", class: isNumber ? "num" : null }, order ? button : label);
  }

  /** Once its own way, once the other, then as given. @param {number} column */
  #press(column) {
    const isDown = Boolean(this.#columns[column].isNumber);
    if (this.#order?.column !== column) this.#order = { column, isDown };
    else this.#order = this.#order.isDown === isDown ? { column, isDown: !isDown } : null;
    for (const [at, head] of this.#heads.entries()) {
      const button = head.querySelector("button");
      const isIt = this.#order?.column === at;
      if (isIt) head.setAttribute("aria-sort", this.#order?.isDown ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
      if (button) fill(button, this.#columns[at].label, isIt ? shape(this.#order?.isDown ? "down" : "up") : null);
    }
    this.element.scrollTop = 0;
    this.#arrange();
  }

  #arrange() {
    const { column = -1, isDown = false } = this.#order ?? {};
    const by = this.#columns[column]?.order;
    const sign = isDown ? -1 : 1;
    if (by) {
      const keyed = this.#given.map((item) => ({ item, by: by(item) }));
      keyed.sort((a, b) => (a.by < b.by ? -sign : a.by > b.by ? sign : 0));
      this.#items = keyed.map(({ item }) => item);
    } else this.#items = this.#given;
    this.#table.setAttribute("aria-rowcount", String(this.#items.length + 1));
    this.#draw();
  }

  #soon() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw();
    });
  }

  #draw() {
    this.#height = parseInt(getComputedStyle(this.element).getPropertyValue("--line-height"), 10) || this.#height;
    const seen = this.element.clientHeight || 600;
    const first = Math.max(0, Math.floor(this.element.scrollTop / this.#height) - BEYOND);
    const behind = Math.min(this.#items.length, first + Math.ceil(seen / this.#height) + 2 * BEYOND);
    const before = this.#rows;
    this.#rows = new Map();
    for (let at = first; at < behind; at++) {
      const line = this.#lineOf(this.#items[at]);
      const row = before.get(line.key) ?? this.#row();
      this.#tell(row, line);
      row.element.setAttribute("aria-rowindex", String(at + 2));
      this.#rows.set(line.key, row);
    }
    this.#space[0].style.height = `${first * this.#height}px`;
    this.#space[1].style.height = `${(this.#items.length - Math.max(first, behind)) * this.#height}px`;
    this.#place([...this.#rows.values()].map(({ element }) => element));
  }

  /** Puts lines in their order; what has focus keeps it. @param {HTMLElement[]} lines */
  #place(lines) {
    const [above, below] = this.#space.map((space) => space.parentElement ?? el("tr", { class: "space" }, space));
    for (const space of [above, below]) space.setAttribute("aria-hidden", "true");
    const wanted = [above, ...lines, below];
    const isSo =
      this.#body.children.length === wanted.length && wanted.every((it, at) => it === this.#body.children[at]);
    if (isSo) return;
    const focused = /** @type {HTMLElement | null} */ (
      this.#body.contains(document.activeElement) ? document.activeElement : null
    );
    this.#body.replaceChildren(...wanted);
    if (focused?.isConnected) focused.focus({ preventScroll: true });
  }

  /** @returns {Row} */
  #row() {
    const cells = this.#columns.map(({ isNumber }) => el("td", { class: isNumber ? "num" : null }));
    return { element: el("tr", {}, ...cells), said: [] };
  }

  /** @param {Row} row @param {Line} line */
  #tell({ element, said }, { isGrave, cells }) {
    element.classList.toggle("grave", Boolean(isGrave));
    for (const [at, [content, show]] of cells.entries()) {
      const text = JSON.stringify(content) ?? "";
      if (said[at] === text) continue;
      said[at] = text;
      fill(element.cells[at], show());
    }
  }
}
