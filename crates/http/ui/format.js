//! Values, times and counts as people read them.
//!
//! Knows nothing of the page. Invariant: nothing is rounded but where the place for it is named so (`short`).

import { serverNow } from "./api.js";

/** A count with separators. @param {number} number */
export function count(number) {
  return number.toLocaleString("en");
}

/** A count with its noun: one entry, two entries. @param {number} number @param {string} one @param {string} [more] */
export function many(number, one, more = `${one}s`) {
  return `${count(number)} ${number === 1 ? one : more}`;
}

/** A rate per second. @param {number | null} perSecond */
export function rate(perSecond) {
  if (perSecond === null) return "–";
  if (perSecond >= 100 || perSecond === 0) return count(Math.round(perSecond));
  return perSecond.toLocaleString("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
}

/** @param {number} number of bytes */
export function bytes(number) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let at = 0;
  let value = number;
  while (value >= 1000 && at < units.length - 1) {
    value /= 1000;
    at += 1;
  }
  return `${value.toLocaleString("en", { maximumFractionDigits: value < 10 && at > 0 ? 1 : 0 })} ${units[at]}`;
}

/** How long, in its two largest units. @param {number} milliseconds */
export function duration(milliseconds) {
  const seconds = Math.floor(Math.max(0, milliseconds) / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** How long ago, short enough for a column. @param {string | undefined} time RFC 3339 */
export function age(time) {
  const at = time === undefined ? NaN : Date.parse(time);
  if (Number.isNaN(at)) return "";
  const seconds = Math.max(0, Math.floor((serverNow() - at) / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86400)} d`;
}

/** A time of today as that, another with its date. @param {string | number | undefined} time */
export function moment(time) {
  const at = new Date(time ?? NaN);
  if (Number.isNaN(at.getTime())) return time === undefined ? "" : String(time);
  const two = (/** @type {number} */ number) => String(number).padStart(2, "0");
  const clock = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  if (at.toDateString() === new Date(serverNow()).toDateString()) return clock;
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${clock}`;
}

/** A time with its milliseconds. @param {string | undefined} time */
export function exact(time) {
  const at = new Date(time ?? NaN);
  if (Number.isNaN(at.getTime())) return time ?? "";
  return `${moment(time)}.${String(at.getMilliseconds()).padStart(3, "0")}`;
}

const ZONE = new Intl.DateTimeFormat("en", { timeZoneName: "short" });

/** What the time is called where the reader is: `CET`, `GMT+1`. @param {Date | number} at */
export function zone(at) {
  return ZONE.formatToParts(at).find(({ type }) => type === "timeZoneName")?.value ?? "";
}

const FLOATS = new Set(["Float", "Double"]);
const INTEGERS = new Set(["Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64"]);

/** Whether a datatype is a number that can be drawn. @param {string | undefined} datatype */
export function isNumeric(datatype) {
  return datatype !== undefined && (FLOATS.has(datatype) || INTEGERS.has(datatype));
}

/** @param {string | undefined} datatype */
export function isInteger(datatype) {
  return datatype !== undefined && INTEGERS.has(datatype);
}

/** A time with its milliseconds and its zone. @param {string} time */
function instant(time) {
  const at = Date.parse(time);
  return Number.isNaN(at) ? time : `${exact(time)} ${zone(at)}`;
}

/** A value in one line, as it is. @param {unknown} value @param {string} [datatype] */
export function plain(value, datatype) {
  if (value === undefined) return "";
  if (value === null) return "no value";
  if (typeof value === "string" && datatype === "DateTime") return instant(value);
  if (typeof value === "string") return value;
  if (typeof value === "object") return JSON.stringify(value);
  return String(value);
}

/** A value for a column: a Float or Double with at most seven digits. @param {unknown} value @param {string} [datatype] */
export function short(value, datatype) {
  if (typeof value === "number" && datatype !== undefined && FLOATS.has(datatype)) return digits(value);
  // It is made of its members, which stand below it.
  if (value === null && datatype === "Template") return "";
  if (typeof value === "object" && value !== null) return shape(value);
  return plain(value, datatype);
}

/** Seven digits, and as many decimals whatever the last ones are. @param {number} value */
function digits(value) {
  const size = Math.abs(value);
  if (value !== 0 && (size >= 1e9 || size < 1e-4)) return value.toExponential(3);
  const decimals = size >= 1000 ? 1 : size >= 1 ? 2 : 4;
  return value.toLocaleString("en", {
    minimumFractionDigits: decimals,
    maximumFractionDigits: decimals,
    useGrouping: false,
  });
}

/** What something composed is, in a few words. @param {object} value */
function shape(value) {
  const table = asTable(value);
  if (table) return `${table.rows.length} × ${table.columns.length} table`;
  if (Array.isArray(value)) return value.length <= 4 ? JSON.stringify(value).slice(0, 60) : `${value.length} items`;
  return JSON.stringify(value).slice(0, 80);
}

/**
 * A DataSet, if it is one.
 * @param {unknown} value @returns {{ columns: string[], types: string[], rows: unknown[][] } | null}
 */
export function asTable(value) {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  const { columns, types, rows } = /** @type {any} */ (value);
  return Array.isArray(columns) && Array.isArray(types) && Array.isArray(rows) ? { columns, types, rows } : null;
}

const LEVELS = new Map([
  ["enterprise", ["Ent", "Enterprise"]],
  ["site", ["Site", "Site"]],
  ["area", ["Area", "Area"]],
  ["work_center", ["WC", "Work center"]],
  ["work_unit", ["WU", "Work unit"]],
]);

/** A level of ISA-95, short and in full. @param {string | undefined} level @returns {string[] | undefined} */
export function level(level) {
  return level === undefined ? undefined : LEVELS.get(level);
}

/** `production_line` as words. @param {string | undefined} word */
export function words(word) {
  return (word ?? "").replaceAll("_", " ");
}
