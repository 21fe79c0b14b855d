//! How a number went since the page was opened, as a line that holds each value until the next.
//!
//! A time without a Good number is a gap. What falls into one pixel is drawn as its least and its most, so a peak is
//! never lost and a redraw costs what the width of the chart costs.
//! Knows nothing of samples but points. Invariant: time goes on to the right even while nothing changes.

import { el, fill, svg } from "./dom.js";
import { many, moment } from "./format.js";

/** @typedef {import("./samples.js").Point} Point */

const HEIGHT = 132;
const MARGIN = { left: 6, right: 58, top: 10, bottom: 18 };

export class Chart {
  #svg = svg("svg", { role: "img" });
  #caption = el("figcaption", {}, "");
  #reading = el("span", {}, "");
  element = el("figure", { class: "chart" }, this.#svg, this.#caption);
  /** @type {readonly Point[]} */
  #points = [];
  #now = 0;
  /** @type {{ low?: number, high?: number }} */
  #bounds = {};
  /** @type {number | null} */
  #pointer = null;

  constructor() {
    new ResizeObserver(() => this.#draw()).observe(this.element);
    this.#svg.addEventListener("pointermove", (event) => {
      this.#pointer = /** @type {PointerEvent} */ (event).offsetX;
      this.#draw();
    });
    this.#svg.addEventListener("pointerleave", () => {
      this.#pointer = null;
      this.#draw();
    });
  }

  /** @param {readonly Point[]} points @param {number} now @param {{ low?: number, high?: number }} bounds */
  show(points, now, bounds) {
    this.#points = points;
    this.#now = now;
    this.#bounds = bounds;
    this.#draw();
  }

  #draw() {
    const width = this.element.clientWidth;
    const values = this.#points.flatMap((point) => (point.value === null ? [] : [point.value]));
    if (width === 0 || values.length === 0) {
      fill(this.#svg);
      this.#svg.classList.add("none");
      this.#caption.textContent = "No number since this page was opened.";
      return;
    }
    this.#svg.classList.remove("none");
    const from = this.#points[0].at;
    const to = Math.max(this.#now, from + 10_000);
    const { low, high } = this.#range(values);
    const right = width - MARGIN.right;
    const bottom = HEIGHT - MARGIN.bottom;
    const x = (/** @type {number} */ at) => MARGIN.left + ((at - from) / (to - from)) * (right - MARGIN.left);
    const y = (/** @type {number} */ value) => bottom - ((value - low) / (high - low)) * (bottom - MARGIN.top);
    const level = (/** @type {number} */ value, /** @type {string} */ kind) =>
      svg("line", { class: kind, x1: MARGIN.left, x2: right, y1: y(value), y2: y(value) });
    const label = (/** @type {number} */ value) =>
      svg("text", { x: right + 6, y: y(value) + 3.5 }, tick(value, high - low));
    const inside = (/** @type {number | undefined} */ bound) => bound !== undefined && bound > low && bound < high;
    fill(
      this.#svg,
      ...ticks(low, high).flatMap((value) => [level(value, "grid"), label(value)]),
      ...[this.#bounds.low, this.#bounds.high].flatMap((bound) =>
        inside(bound) ? [level(/** @type {number} */ (bound), "bound")] : [],
      ),
      svg("path", { class: "trace", d: this.#trace(x, y, to) }),
      svg("text", { x: MARGIN.left, y: HEIGHT - 5 }, moment(from)),
      svg("text", { x: right, y: HEIGHT - 5, "text-anchor": "end" }, moment(to)),
    );
    this.#svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    this.#svg.setAttribute("preserveAspectRatio", "none");
    const least = values.reduce((a, b) => Math.min(a, b));
    const most = values.reduce((a, b) => Math.max(a, b));
    const said = `${many(this.#points.length, "change")}, from ${tick(least, high - low)} to ${tick(most, high - low)}`;
    this.#svg.setAttribute("aria-label", `Chart: ${said}`);
    this.#read(x);
    fill(this.#caption, el("span", {}, said), this.#reading);
  }

  /** What was in force where the pointer is. @param {(at: number) => number} x */
  #read(x) {
    this.#reading.textContent = "";
    if (this.#pointer === null) return;
    const pointer = this.#pointer;
    const under = this.#points.findLast((point) => x(point.at) <= pointer);
    if (!under) return;
    this.#svg.append(
      svg("line", { class: "cursor", x1: pointer, x2: pointer, y1: MARGIN.top, y2: HEIGHT - MARGIN.bottom }),
    );
    this.#reading.textContent = `${moment(under.at)}  ${under.value ?? "none"}`;
  }

  /** @param {number[]} values */
  #range(values) {
    let low = values.reduce((a, b) => Math.min(a, b));
    let high = values.reduce((a, b) => Math.max(a, b));
    if (low === high) {
      const room = Math.abs(low) * 0.01 || 1;
      low -= room;
      high += room;
    }
    const room = (high - low) * 0.06;
    return { low: low - room, high: high + room };
  }

  /** @param {(at: number) => number} x @param {(value: number) => number} y @param {number} to */
  #trace(x, y, to) {
    let path = "";
    /** @type {{ column: number, low: number, high: number, last: number } | null} */
    let column = null;
    let isDown = false;
    const leave = () => {
      if (!column) return;
      path += `${isDown ? "H" : "M"}${isDown ? column.column : `${column.column} ${y(column.last).toFixed(1)}`}`;
      if (column.low !== column.high) path += `V${y(column.low).toFixed(1)}V${y(column.high).toFixed(1)}`;
      path += `V${y(column.last).toFixed(1)}`;
      isDown = true;
      column = null;
    };
    for (const { at, value } of this.#points) {
      const here = Math.round(x(at));
      if (column && column.column !== here) leave();
      if (value === null) {
        leave();
        if (isDown) path += `H${here}`;
        isDown = false;
      } else if (column) {
        column = { column: here, low: Math.min(column.low, value), high: Math.max(column.high, value), last: value };
      } else {
        column = { column: here, low: value, high: value, last: value };
      }
    }
    leave();
    if (isDown) path += `H${x(to).toFixed(1)}`;
    return path;
  }
}

/** Round numbers between two others, two to six of them. @param {number} low @param {number} high */
function ticks(low, high) {
  const rough = (high - low) / 5;
  const size = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * size).find((each) => each >= rough) ?? rough;
  const found = [];
  for (let at = Math.ceil(low / step); at * step <= high && found.length < 8; at++) found.push(at * step);
  return found;
}

/** A number as exact as the range it stands in asks for. @param {number} value @param {number} range */
function tick(value, range) {
  if (Math.abs(value) >= 1e7 || range < 1e-6) return value.toPrecision(4);
  const decimals = Math.max(0, Math.min(6, 1 - Math.floor(Math.log10(range || 1))));
  return value.toFixed(decimals);
}
