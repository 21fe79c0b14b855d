//! Moments on the page: the time of day where the reader is, and all of it, with its zone, on hover.
//!
//! Knows nothing of what happened then. Invariant: what a screen reader and a copy get is the very instant.

import { el } from "./dom.js";
import { exact, moment, zone } from "./format.js";

/**
 * @param {string | number | undefined} time RFC 3339, or milliseconds @param {{ isFull?: boolean, otherwise?: string }} [how] with
 *   milliseconds and zone; what to say where there is none
 */
export function when(time, { isFull = false, otherwise = "" } = {}) {
  const at = new Date(time ?? NaN);
  if (time === undefined || Number.isNaN(at.getTime()))
    return el("span", {}, time === undefined ? otherwise : String(time));
  const iso = typeof time === "string" ? time : at.toISOString();
  const here = `${exact(iso)} ${zone(at)}`;
  return el("time", { datetime: at.toISOString(), title: `${iso}, here ${here}` }, isFull ? here : moment(time));
}
