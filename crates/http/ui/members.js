//! What is directly below an element and has a value, as a table that is kept live: the members of a Template's instance, the
//! fields of a document, the metrics of a machine.
//!
//! Knows nothing of the tree beside it. Invariant: at most so many are asked for and followed; that there are more is said.

import * as api from "./api.js";
import { filterOf, pageOf } from "./address.js";
import { clipped, el, fill, name } from "./dom.js";
import { short } from "./format.js";
import { quality } from "./marks.js";
import { table } from "./page.js";

/** @typedef {import("./samples.js").Samples} Samples */

const MEMBERS_MAX = 200;

export class Members {
  element = el("section", { hidden: true });
  #samples;
  #live;
  /** @type {Map<string, { about: api.Element, row: HTMLTableRowElement }>} */
  #rows = new Map();
  /** @type {{ end: () => void } | null} */
  #following = null;
  #path = "";

  /** @param {Samples} samples @param {import("./live.js").Live} live */
  constructor(samples, live) {
    this.#samples = samples;
    this.#live = live;
  }

  /** @param {string} path */
  async show(path) {
    this.hide();
    this.#path = path;
    const { children = [], next_cursor: more } = await api.element(path, { depth: 1, limit: MEMBERS_MAX });
    const members = children.filter(({ sample }) => sample);
    if (path !== this.#path || members.length === 0) return;
    const list = table("Members", ["Member", "#Value", "Unit", "Quality"]);
    for (const about of members) {
      this.#samples.seen(/** @type {api.Sample} */ (about.sample));
      const row = el("tr");
      this.#rows.set(about.path ?? "", { about, row });
      this.#fill(about.path ?? "");
      list.body.append(row);
    }
    const left = more
      ? el("p", { class: "soft" }, `Of the first ${MEMBERS_MAX} below it; the tree has them all.`)
      : null;
    fill(this.element, el("h2", {}, "Members"), list.element, left);
    this.element.hidden = false;
    this.#following = this.#live.follow(
      members.map(({ path = "" }) => filterOf(path)),
      ({ samples, removed }) =>
        this.#samples.heard(
          samples.filter((sample) => this.#rows.has(sample.path)),
          removed.filter((gone) => this.#rows.has(gone)),
        ),
    );
  }

  /** Nothing is shown or followed any more. */
  hide() {
    this.#following?.end();
    this.#following = null;
    this.#rows.clear();
    this.#path = "";
    this.element.hidden = true;
  }

  /** @param {Set<string>} paths */
  changed(paths) {
    for (const path of this.#rows.keys()) if (paths.has(path)) this.#fill(path);
  }

  /** @param {string} path */
  #fill(path) {
    const { about, row } = /** @type {{ about: api.Element, row: HTMLTableRowElement }} */ (this.#rows.get(path));
    const sample = this.#samples.get(path);
    const link = row.querySelector("a") ?? el("a", { href: pageOf(path) }, name(about.name ?? ""));
    fill(
      row,
      el("td", { class: "name" }, link),
      el("td", { class: "num lives" }, el("bdi", {}, clipped(short(sample?.value, sample?.datatype), 60))),
      el("td", {}, clipped(sample?.unit ?? about.unit ?? "", 24)),
      el("td", {}, quality(sample?.quality, sample?.gone)),
    );
  }
}
