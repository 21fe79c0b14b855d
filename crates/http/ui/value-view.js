//! A value in full: a table where it is one, JSON where it is composed, text and numbers as they are.
//!
//! Invariant: at most so many rows and characters become elements at once; what is left out is said.

import { clipped, el, longText, name, visible } from "./dom.js";
import { asTable, plain } from "./format.js";

/** @typedef {import("./api.js").Sample} Sample */

const ROWS_MAX = 200;
const COLUMNS_MAX = 40;
const JSON_LEN_MAX = 40_000;

/** Whether a value needs more than a line. @param {Sample} sample */
export function isComposed(sample) {
  return typeof sample.value === "object" && sample.value !== null;
}

/** @param {Sample} sample @returns {HTMLElement} */
export function composed(sample) {
  const table = asTable(sample.value);
  return table ? grid(table) : json(sample.value);
}

/** A document: its fields where each is one value, JSON where it is more than that. @param {object} document */
export function fields(document) {
  const entries = Object.entries(document);
  const isFlat = entries.every(([, value]) => typeof value !== "object" || value === null);
  if (!isFlat || Array.isArray(document) || entries.length > ROWS_MAX) return json(document);
  const list = el("dl", { class: "facts" });
  for (const [field, value] of entries) list.append(el("dt", {}, name(field)), el("dd", {}, longText(plain(value))));
  return list;
}

/** @param {unknown} value */
export function json(value) {
  const text = JSON.stringify(value, null, 2) ?? "";
  const shown =
    text.length > JSON_LEN_MAX
      ? `${visibleLines(text.slice(0, JSON_LEN_MAX))}\n… ${(text.length - JSON_LEN_MAX).toLocaleString("en")} more characters`
      : visibleLines(text);
  return el("pre", { class: "raw", tabindex: 0, dir: "ltr" }, shown);
}

/** @param {string} text */
function visibleLines(text) {
  return text.split("\n").map(visible).join("\n");
}

/** @param {{ columns: string[], types: string[], rows: unknown[][] }} table */
function grid({ columns, types, rows }) {
  const shown = columns.slice(0, COLUMNS_MAX);
  const isNumber = (/** @type {number} */ at) => /^U?Int|Float|Double/.test(types[at] ?? "");
  const head = el(
    "tr",
    {},
    ...shown.map((column, at) =>
      el(
        "th",
        { scope: "col", class: isNumber(at) ? "num" : null, title: types[at] },
        el("bdi", {}, clipped(column, 60)),
      ),
    ),
  );
  const lines = rows
    .slice(0, ROWS_MAX)
    .map((cells) =>
      el(
        "tr",
        {},
        ...shown.map((_, at) =>
          el("td", { class: isNumber(at) ? "num" : null }, longText(plain(cells[at], types[at]), 80)),
        ),
      ),
    );
  const left = [
    rows.length > ROWS_MAX ? `${rows.length - ROWS_MAX} more rows` : "",
    columns.length > COLUMNS_MAX ? `${columns.length - COLUMNS_MAX} more columns` : "",
  ];
  const rest = left.filter(Boolean).join(", ");
  return el(
    "div",
    {},
    el(
      "div",
      { class: "grid-view", tabindex: 0, role: "region", "aria-label": "DataSet" },
      el("table", {}, el("thead", {}, head), el("tbody", {}, ...lines)),
    ),
    rest && el("p", { class: "soft" }, `${rest}; JSON has them all`),
  );
}
