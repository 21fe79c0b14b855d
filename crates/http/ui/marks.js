//! Marks: quality and states as a shape, a word and a colour, so that none of the three is needed to tell them apart.
//!
//! What is as it should be is quiet; what is not is loud. Invariant: every mark says its word.

import { el, svg } from "./dom.js";

const SHAPES = new Map([
  ["dot", "M6 3.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6z"],
  ["disc", "M6 1a5 5 0 1 0 0 10A5 5 0 0 0 6 1z"],
  ["ring", "M6 1a5 5 0 1 0 0 10A5 5 0 0 0 6 1zm0 1.8a3.2 3.2 0 1 1 0 6.4 3.2 3.2 0 0 1 0-6.4z"],
  ["half", "M6 1a5 5 0 1 0 0 10A5 5 0 0 0 6 1zm0 1.8v6.4a3.2 3.2 0 0 1 0-6.4z"],
  ["triangle", "M6 0.8 11.8 11H.2zM5.3 4.5v3.3h1.4V4.5zm0 4v1.3h1.4V8.500z"],
  ["diamond", "M6 .4 11.6 6 6 11.600.4 6zM6 3 3 6l3 3 3-3z"],
  [
    "cross",
    "M2.300.9.9 2.300 4.600 6 .9 9.700l1.400 1.400L6 7.400l3.700 3.700 1.400-1.400L7.400 6l3.700-3.700L9.700.9 6 4.600z",
  ],
  ["bars", "M1 1h3v10H1zM8 1h3v10H8z"],
  ["square", "M1 1h10v10H1zm1.700 1.700v6.600h6.600V2.700z"],
  ["up", "M6 3 10.500 8h-9z"],
  ["down", "M6 9 1.500 4h9z"],
  ["twisty", "M4 2.500 8.500 6 4 9.500z"],
]);

/** @param {string} name */
export function shape(name) {
  return svg(
    "svg",
    { viewBox: "0 0 12 12", "aria-hidden": "true" },
    svg("path", { d: SHAPES.get(name) ?? "", "fill-rule": "evenodd" }),
  );
}

/** @param {string} form @param {string} word @param {string} [loudness] @param {string} [about] */
export function mark(form, word, loudness = "", about) {
  return el("span", { class: `mark ${loudness}`, title: about }, shape(form), el("span", { class: "word" }, word));
}

const QUALITIES = new Map([
  ["Good", ["dot", "Good", "", "The source says so"]],
  ["Bad", ["triangle", "Bad", "loud bad", "The source itself says that this value is bad"]],
  ["Stale", ["bars", "Stale", "loud stale", "The source is gone; this is the last that was heard"]],
  ["Uncertain", ["diamond", "Uncertain", "loud doubt", "Its type or time is in doubt"]],
]);

/** The quality of a sample. @param {string | undefined} quality @param {boolean} [gone] */
export function quality(quality, gone = false) {
  if (gone) return mark("cross", "Gone", "loud stale", "The newest Birth no longer declares it");
  const [form, word, loudness, about] = QUALITIES.get(quality ?? "") ?? ["square", quality ?? "Unknown", "", ""];
  return mark(form, word, loudness, about);
}

const STATES = new Map([
  ["online", ["disc", "Online", "", "Born, and neither dead nor disconnected"]],
  ["reordering", ["half", "Reordering", "loud doubt", "Online; messages wait for one that is missing"]],
  ["restored", ["ring", "Not heard yet", "loud stale", "Known from before a restart of Factree, and not heard since"]],
  ["offline", ["cross", "Offline", "loud dead", "Its session ended or its death was published; its samples are Stale"]],
  ["unborn", ["diamond", "Unborn", "loud doubt", "Something was heard, but no Birth; a rebirth has been asked for"]],
  ["connected", ["disc", "Connected", "", ""]],
  ["absent", ["ring", "Absent", "loud stale", "The session is kept for a client that is away"]],
  ["connecting", ["half", "Connecting", "loud doubt", ""]],
  ["stopped", ["cross", "Stopped", "loud dead", ""]],
]);

/** The state of an Edge Node, a Device, a client or an attachment. @param {string} state @param {string} [whose] said before it to
 *   who does not see what it stands beside */
export function state(state, whose) {
  const [form, word, loudness, about] = STATES.get(state) ?? ["square", state, "", ""];
  return mark(form, whose === undefined ? word : `${whose} ${word.toLowerCase()}`, loudness, about);
}
