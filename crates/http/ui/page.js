//! What every page is made of: a head, a place for what went wrong, lists that are put in place anew without a flicker.
//!
//! Knows nothing of what is listed. Invariant: a list that says the same as before is left alone, so what somebody
//! has selected
//! or unfolded in it stays.

import { el, fill } from "./dom.js";

/** @typedef {import("./dom.js").Child} Child */
/** @typedef {{ live: import("./live.js").Live, samples: import("./samples.js").Samples,
 *   session: import("./session.js").Session, signal: AbortSignal,
 *   query: URLSearchParams, go: (address: string) => void }} Surroundings what a page is given */

export class Page {
  element = el("div", { class: "page" });
  #refused = el("p", { class: "refused", role: "status" });
  /** @type {WeakMap<Element, string>} */
  #said = new WeakMap();

  /** @param {string} title @param {...Child} beside what stands in the head */
  constructor(title, ...beside) {
    const head = el("header", {}, el("h1", {}, title));
    head.append(...beside.filter((child) => child instanceof Node));
    this.element.append(head, this.#refused);
  }

  /** Puts children into a part of the page unless they say what it says already.
   * @param {Element} into @param {unknown} content stands for what they say @param {() => Child[]} children */
  put(into, content, children) {
    const said = JSON.stringify(content);
    if (this.#said.get(into) === said) return;
    this.#said.set(into, said);
    fill(into, ...children());
  }

  /** @param {unknown} error */
  refused = (error) => {
    this.#refused.textContent = error instanceof Error ? error.message : String(error);
  };

  /** The last question was answered. */
  answered() {
    this.#refused.textContent = "";
  }
}

/** @param {string} label what is listed @param {string[]} heads a leading `#` makes a column of numbers */
export function table(label, heads) {
  const cells = heads.map((head) =>
    head.startsWith("#") ? el("th", { class: "num", scope: "col" }, head.slice(1)) : el("th", { scope: "col" }, head),
  );
  const body = el("tbody");
  return {
    element: el(
      "div",
      { class: "scroll", tabindex: 0, role: "region", "aria-label": label },
      el("table", {}, el("thead", {}, el("tr", {}, ...cells)), body),
    ),
    body,
  };
}

/** On a phone a line of a list is two cells of two lines each. */
export const NARROW = matchMedia("(max-width: 640px)");

/** What matters, and below it what helps to tell it from others. @param {Child} above @param {Child} below */
export function stack(above, below) {
  return el("div", { class: "stack" }, el("div", {}, above), el("div", { class: "soft" }, below));
}

/** @param {...Child} children */
export function card(...children) {
  return el("section", { class: "card" }, ...children);
}
