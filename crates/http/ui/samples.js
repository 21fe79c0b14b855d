//! The samples this page has seen last, and how the numbers among them went since it was opened.
//!
//! One place for all parts of the page, so the tree, the details and the chart never show two values of one path.
//! Knows nothing of the connection. Invariant: memory is bounded: so many histories, so many points in each.

import { isNumeric } from "./format.js";

/** @typedef {import("./api.js").Sample} Sample */
/** @typedef {{ at: number, value: number | null }} Point a number, or that there was none */

/** Paths whose numbers are remembered, and points of each. */
const HISTORIES_MAX = 64;
const POINTS_MAX = 3000;

export class Samples {
  /** @type {Map<string, Sample>} */
  #last = new Map();
  /** @type {Map<string, Point[]>} the least recently changed first */
  #histories = new Map();
  /** @type {Set<(paths: Set<string>) => void>} */
  #listeners = new Set();

  /** @param {string} path */
  get(path) {
    return this.#last.get(path);
  }

  /** What a list said; a newer one that is known stays. @param {Sample} sample */
  seen(sample) {
    const known = this.#last.get(sample.path);
    if (!known) this.#last.set(sample.path, sample);
    else if ((known.revision ?? -1) <= (sample.revision ?? 0)) this.#last.set(sample.path, { ...known, ...sample });
  }

  /** What a stream said. @param {Sample[]} samples @param {string[]} removed */
  heard(samples, removed) {
    /** @type {Set<string>} */
    const paths = new Set(removed);
    for (const path of removed) this.#last.delete(path);
    for (const sample of samples) {
      const known = this.#last.get(sample.path);
      this.#last.set(sample.path, { ...known, ...sample, gone: sample.gone });
      this.#remember(sample, known);
      paths.add(sample.path);
    }
    for (const listen of this.#listeners) listen(paths);
  }

  /** It is another process that tells from now on, and its revisions begin anew: whatever it tells is newer. */
  distrust() {
    for (const [path, sample] of this.#last) this.#last.set(path, { ...sample, revision: -1 });
  }

  /** @param {string} path @returns {readonly Point[]} */
  history(path) {
    return this.#histories.get(path) ?? [];
  }

  /** @param {(paths: Set<string>) => void} listener told which paths have changed @returns {() => void} ends it */
  listen(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** @param {Sample} sample @param {Sample | undefined} known */
  #remember(sample, known) {
    const datatype = sample.datatype ?? known?.datatype;
    if (!isNumeric(datatype)) return;
    const points = this.#histories.get(sample.path) ?? [];
    const is = typeof sample.value === "number" && (sample.quality ?? "Good") === "Good";
    const point = {
      at: Date.parse(sample.received ?? "") || Date.now(),
      value: is ? /** @type {number} */ (sample.value) : null,
    };
    const last = points.at(-1);
    if (last && last.at === point.at && last.value === point.value) return;
    points.push(point);
    if (points.length > POINTS_MAX) points.splice(0, points.length - POINTS_MAX);
    this.#histories.delete(sample.path);
    this.#histories.set(sample.path, points);
    if (this.#histories.size > HISTORIES_MAX)
      this.#histories.delete(/** @type {string} */ (this.#histories.keys().next().value));
  }
}
