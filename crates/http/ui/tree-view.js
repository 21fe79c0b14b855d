//! The tree on the page: as many rows as fit the window, whatever the tree holds, and the keys of the ARIA tree
//! pattern.
//!
//! The scrolled height is that of all lines; only those in sight are elements. Focus stays on the tree, which says
//! which row
//! is active. Who wants live values is told what is in sight once scrolling rests.
//! Knows nothing of the API. Invariant: a row that has left the window is no element any more.

import { clipped, el, fill, visible } from "./dom.js";
import { age, level, short, words } from "./format.js";
import { quality, shape } from "./marks.js";

/** @typedef {import("./element-tree.js").ElementTree} ElementTree */
/** @typedef {import("./element-tree.js").Line} Line */
/** @typedef {import("./element-tree.js").Node} Node */
/** @typedef {import("./samples.js").Samples} Samples */
/** @typedef {import("./api.js").Sample} Sample */
/** @typedef {{ element: HTMLElement, line: Line, value: HTMLElement, unit: HTMLElement, quality: HTMLElement, age:
 *   HTMLElement,
 *   shown: Sample | undefined, about: import("./api.js").Element, isOpen: boolean }} Row what of the node it was made
 *   from stands at the end */

/** Rows beyond the window, so that a slow frame shows no gap. */
const BEYOND = 8;
/** Scrolling rests after this long without a scroll event. */
const REST = 120;
/** Siblings that `*` opens at most: each is a question. */
const OPENED_MAX = 200;
/** The tallest box that browsers lay out reliably. */
const HEIGHT_MAX = 16_000_000;

export class TreeView {
  /** The tree with its head. */
  element;
  #tree;
  #samples;
  #size = el("div", { class: "tree-size", role: "presentation" });
  #box;
  /** @type {Map<number, Row>} by the number of the line */
  #rows = new Map();
  #active = 0;
  /** @type {string | null} */
  #activePath = null;
  #selected = "";
  #frame = 0;
  #rest = 0;
  #typed = { text: "", until: 0 };
  #rowHeight = 28;
  /** @type {{ choose: (node: Node) => void, inSight: (nodes: Node[]) => void }} */
  #hear;

  /**
   * @param {ElementTree} tree @param {Samples} samples
   * @param {{ choose: (node: Node) => void, inSight: (nodes: Node[]) => void }} hear
   */
  constructor(tree, samples, hear) {
    this.#tree = tree;
    this.#samples = samples;
    this.#hear = hear;
    this.#box = el("div", { class: "tree", role: "tree", tabindex: 0, "aria-label": "Namespace" }, this.#size);
    const head = el(
      "div",
      { class: "tree-head", "aria-hidden": "true" },
      el("span", {}, "Element"),
      el("span", { class: "num" }, "Value"),
      el("span", {}, "Unit"),
      el("span", {}, "Quality"),
      el("span", { class: "num" }, "Age"),
    );
    this.element = el("section", { class: "tree-pane", "aria-label": "Tree" }, head, this.#box);
    this.#box.addEventListener("scroll", () => this.#soon(), { passive: true });
    this.#box.addEventListener("keydown", (event) => this.#onKey(event));
    this.#box.addEventListener("click", (event) => this.#onClick(event));
    new ResizeObserver(() => {
      const height = parseInt(getComputedStyle(this.#box).getPropertyValue("--row"), 10);
      if (height && height !== this.#rowHeight) {
        this.#rowHeight = height;
        this.relist();
      }
      this.#soon();
    }).observe(this.#box);
  }

  /** The lines have changed. */
  relist() {
    const lines = this.#tree.lines();
    const active = this.#activePath === null ? -1 : this.#tree.lineOf(this.#activePath);
    if (active >= 0) this.#active = active;
    this.#active = Math.min(this.#active, Math.max(0, lines.length - 1));
    this.#size.style.height = `${Math.min(HEIGHT_MAX, lines.length * this.#rowHeight)}px`;
    this.#soon();
  }

  /** Samples have changed. @param {Set<string>} paths */
  changed(paths) {
    for (const row of this.#rows.values()) {
      if (row.line.of === "element" && paths.has(row.line.node.path)) this.#showSample(row, row.line.node, true);
    }
  }

  /** Time has passed. */
  tick() {
    for (const row of this.#rows.values()) {
      if (row.line.of === "element") row.age.textContent = age(row.shown?.received);
    }
  }

  /** Makes an element the chosen one, and brings it into sight. @param {string} path */
  choose(path) {
    this.#selected = path;
    const at = this.#tree.lineOf(path);
    if (at >= 0) this.#go(at);
    for (const row of this.#rows.values()) this.#showState(row);
  }

  focus() {
    this.#box.focus({ preventScroll: true });
  }

  #soon() {
    if (!this.#frame) {
      this.#frame = requestAnimationFrame(() => {
        this.#frame = 0;
        this.#draw();
      });
    }
  }

  /** First line in the window and the one behind the last, and how far the window is ahead of a box of full height. */
  #window() {
    const lines = this.#tree.lines().length;
    const seen = this.#box.clientHeight;
    const full = lines * this.#rowHeight;
    const boxed = Math.min(HEIGHT_MAX, full);
    const top =
      boxed <= seen || boxed === full ? this.#box.scrollTop : this.#box.scrollTop * ((full - seen) / (boxed - seen));
    const first = Math.max(0, Math.floor(top / this.#rowHeight) - BEYOND);
    const behind = Math.min(lines, Math.ceil((top + seen) / this.#rowHeight) + BEYOND);
    return { first, behind, ahead: top - this.#box.scrollTop };
  }

  #draw() {
    const lines = this.#tree.lines();
    const { first, behind, ahead } = this.#window();
    /** Rows whose line stands elsewhere now, to be used again there. @type {Map<Line, Row>} */
    const spare = new Map();
    for (const [at, row] of this.#rows) {
      if (at >= first && at < behind && row.line === lines[at] && isCurrent(row)) continue;
      this.#rows.delete(at);
      spare.set(row.line, row);
    }
    const added = document.createDocumentFragment();
    for (let at = first; at < behind; at++) {
      let row = this.#rows.get(at);
      if (!row) {
        row = this.#again(spare, lines[at], at) ?? this.#row(lines[at], at);
        this.#rows.set(at, row);
        if (!row.element.isConnected) added.append(row.element);
      }
      row.element.style.transform = `translateY(${at * this.#rowHeight - ahead}px)`;
      this.#showState(row);
      const { line } = row;
      if (line.of === "more" && !line.node.refused) void this.#tree.more(line.node);
    }
    for (const row of spare.values()) row.element.remove();
    this.#size.append(added);
    this.#box.setAttribute("aria-activedescendant", this.#rows.has(this.#active) ? `line-${this.#active}` : "");
    clearTimeout(this.#rest);
    this.#rest = setTimeout(() => this.#tell(), REST);
  }

  #tell() {
    const nodes = [];
    for (const { line } of this.#rows.values()) if (line.of === "element") nodes.push(line.node);
    this.#hear.inSight(nodes);
  }

  /**
   * The row that the line had before, if it says the same.
   * @param {Map<Line, Row>} spare @param {Line} line @param {number} at
   */
  #again(spare, line, at) {
    const row = spare.get(line);
    if (!row || line.of === "more" || !isCurrent(row)) return undefined;
    spare.delete(line);
    row.element.id = `line-${at}`;
    row.element.dataset.at = String(at);
    this.#showPlace(row.element, line.node);
    this.#showSample(row, line.node, false);
    this.#showState(row);
    return row;
  }

  /** @param {HTMLElement} element @param {Node} node */
  #showPlace(element, node) {
    element.setAttribute("aria-setsize", String(node.parent?.about.children_count ?? 0));
    element.setAttribute("aria-posinset", String(node.place + 1));
  }

  /** @param {Line} line @param {number} at @returns {Row} */
  #row(line, at) {
    const { node } = line;
    const cell = (/** @type {string} */ kind) => el("span", { class: kind });
    const row = {
      line,
      value: cell("value lives"),
      unit: cell("unit"),
      quality: cell("quality"),
      age: cell("age"),
      shown: undefined,
      about: node.about,
      isOpen: node.isOpen,
    };
    const name = el("span", { class: "name" });
    const element = el(
      "div",
      { class: "row", id: `line-${at}`, role: "treeitem", "data-at": at },
      name,
      row.value,
      row.unit,
      row.quality,
      row.age,
    );
    element.style.setProperty("--depth", String(line.of === "more" ? node.depth : node.depth - 1));
    element.setAttribute("aria-level", String(Math.max(1, line.of === "more" ? node.depth + 1 : node.depth)));
    /** @type {Row} */
    const made = { ...row, element };
    if (line.of === "more") {
      element.classList.add(node.refused ? "failed" : "more");
      const known = node.children?.length ?? 0;
      const words =
        node.refused ??
        (known > 0
          ? `${known.toLocaleString("en")} of ${node.about.children_count.toLocaleString("en")}; asking for more`
          : "Asking for them");
      fill(name, el("span", { class: "twisty" }), visible(words));
      return made;
    }
    this.#showName(name, node);
    this.#showPlace(element, node);
    if (node.about.children_count > 0) element.setAttribute("aria-expanded", String(node.isOpen));
    element.classList.add(node.about.kind ?? "folder");
    this.#showSample(made, node, false);
    this.#showState(made);
    return made;
  }

  /** @param {HTMLElement} into @param {Node} node */
  #showName(into, node) {
    const { about } = node;
    const twisty = el("span", { class: "twisty" }, about.children_count > 0 ? shape("twisty") : null);
    const tier = level(about.level);
    const tag = tier ? el("span", { class: `level ${about.level}`, title: tier[1] }, tier[0]) : null;
    const finer = about.equipment ? el("span", { class: "finer" }, words(about.equipment)) : null;
    const text = node.name === "" ? "(empty)" : clipped(node.name);
    fill(into, twisty, tag, el("bdi", { title: node.name.length > 24 ? clipped(node.name, 1000) : null }, text), finer);
  }

  /** @param {Row} row @param {Node} node @param {boolean} isLive */
  #showSample(row, node, isLive) {
    const sample = this.#samples.get(node.path);
    const before = row.shown;
    row.shown = sample;
    const isBranch = !sample && node.about.children_count > 0;
    if (!sample) {
      fill(row.value);
      row.age.textContent = "";
      row.unit.textContent = "";
      fill(
        row.quality,
        isBranch ? null : node.about.kind === "metric" ? el("span", { class: "mark" }, "no sample") : null,
      );
      return;
    }
    const isText =
      (typeof sample.value === "string" && sample.datatype !== "DateTime") || typeof sample.value === "object";
    const text = clipped(short(sample.value, sample.datatype), 120);
    row.value.classList.toggle("long", isText && text.length > 14);
    if (row.value.textContent !== text) {
      fill(row.value, el("bdi", {}, text));
      if (isLive && before) this.#flash(row.value);
    }
    row.unit.textContent = clipped(sample.unit ?? node.about.unit ?? "", 24);
    const isOdd = sample.quality !== "Good" || Boolean(sample.gone);
    row.element.classList.toggle("odd", isOdd);
    row.element.classList.toggle("stale", sample.quality === "Stale");
    if (before?.quality !== sample.quality || before?.gone !== sample.gone || !row.quality.firstChild) {
      fill(row.quality, quality(sample.quality, sample.gone));
    }
    row.age.textContent = age(sample.received);
  }

  /** @param {HTMLElement} element */
  #flash(element) {
    element.classList.remove("changed");
    requestAnimationFrame(() => element.classList.add("changed"));
  }

  /** @param {Row} row */
  #showState({ element, line }) {
    const at = Number(element.dataset.at);
    element.classList.toggle("active", at === this.#active);
    if (line.of === "element") element.setAttribute("aria-selected", String(line.node.path === this.#selected));
  }

  /** Makes a line the active one, in sight. @param {number} at */
  #go(at) {
    const lines = this.#tree.lines();
    this.#active = Math.max(0, Math.min(at, lines.length - 1));
    const line = lines[this.#active];
    this.#activePath = line?.of === "element" ? line.node.path : null;
    const top = this.#active * this.#rowHeight;
    const seen = this.#box.clientHeight;
    const full = lines.length * this.#rowHeight;
    if (full <= HEIGHT_MAX) {
      if (top < this.#box.scrollTop) this.#box.scrollTop = top;
      else if (top + this.#rowHeight > this.#box.scrollTop + seen) this.#box.scrollTop = top + this.#rowHeight - seen;
    } else {
      const { first, behind } = this.#window();
      const isSeen = this.#active >= first + BEYOND && this.#active < behind - BEYOND;
      if (!isSeen) this.#box.scrollTop = (top / (full - seen)) * (HEIGHT_MAX - seen);
    }
    this.#draw();
    for (const row of this.#rows.values()) this.#showState(row);
  }

  /** @param {MouseEvent} event */
  #onClick(event) {
    const target = /** @type {Element} */ (event.target);
    const element = /** @type {HTMLElement | null} */ (target.closest(".row"));
    if (!element) return;
    const at = Number(element.dataset.at);
    const line = this.#tree.lines()[at];
    this.#go(at);
    if (line.of === "more") {
      line.node.refused = null;
      void this.#tree.more(line.node);
    } else if (target.closest(".twisty")) {
      this.#toggle(line.node);
    } else {
      if (!this.#samples.get(line.node.path) && !line.node.isOpen) this.#toggle(line.node);
      this.#hear.choose(line.node);
    }
  }

  /** @param {Node} node */
  #toggle(node) {
    if (node.isOpen) this.#tree.close(node);
    else void this.#tree.open(node);
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const lines = this.#tree.lines();
    const line = lines[this.#active];
    if (!line) return;
    const { node } = line;
    const page = Math.max(1, Math.floor(this.#box.clientHeight / this.#rowHeight) - 1);
    /** @type {Record<string, () => void>} */
    const keys = {
      ArrowDown: () => this.#go(this.#active + 1),
      ArrowUp: () => this.#go(this.#active - 1),
      PageDown: () => this.#go(this.#active + page),
      PageUp: () => this.#go(this.#active - page),
      Home: () => this.#go(0),
      End: () => this.#go(lines.length - 1),
      ArrowRight: () => {
        if (line.of === "more") return;
        if (node.isOpen) this.#go(this.#active + 1);
        else void this.#tree.open(node);
      },
      ArrowLeft: () => {
        if (line.of === "element" && node.isOpen) this.#tree.close(node);
        else if (line.of === "more") this.#go(this.#tree.lineOf(node.path));
        else if (node.parent && node.parent.path !== "") this.#go(this.#tree.lineOf(node.parent.path));
      },
      Enter: () => line.of === "element" && this.#hear.choose(node),
      " ": () => line.of === "element" && this.#hear.choose(node),
      "*": () => {
        for (const sibling of (node.parent?.children ?? []).slice(0, OPENED_MAX)) void this.#tree.open(sibling);
      },
    };
    const act = Object.hasOwn(keys, event.key) ? keys[event.key] : undefined;
    if (act) act();
    else if (event.key.length === 1 && event.key !== "/") this.#typeAhead(event.key);
    else return;
    event.preventDefault();
  }

  /** The next line whose name begins with what was typed. @param {string} key */
  #typeAhead(key) {
    const now = performance.now();
    this.#typed = { text: (now < this.#typed.until ? this.#typed.text : "") + key.toLowerCase(), until: now + 700 };
    const lines = this.#tree.lines();
    const from = this.#typed.text.length > 1 ? this.#active : this.#active + 1;
    for (let step = 0; step < lines.length; step++) {
      const at = (from + step) % lines.length;
      const line = lines[at];
      if (line.of === "element" && line.node.name.toLowerCase().startsWith(this.#typed.text)) return this.#go(at);
    }
  }
}

/** Whether a row still says what is known of its element. @param {Row} row */
function isCurrent({ line, about, isOpen }) {
  return about === line.node.about && isOpen === line.node.isOpen;
}
