//! Search as you type: a field, and what was found below it, all of it by keyboard.
//!
//! `/` comes here from anywhere, the arrows choose, Enter opens, Escape leaves. An answer to what is no longer in
//! the field
//! is thrown away.
//! Knows nothing of pages. Invariant: at most one question is under way.

import * as api from "./api.js";
import { parentOf } from "./address.js";
import { clipped, el, fill, name } from "./dom.js";
import { level, short } from "./format.js";

const DELAY = 100;

export class Search {
  #found = el("div", { class: "found", role: "listbox", id: "found", "aria-label": "What was found", hidden: true });
  #field = el("input", {
    type: "search",
    id: "words",
    role: "combobox",
    placeholder: "Search elements",
    autocomplete: "off",
    spellcheck: "false",
    "aria-label": "Search elements",
    "aria-expanded": "false",
    "aria-controls": "found",
    "aria-autocomplete": "list",
  });
  /** @type {api.Element[]} */
  #elements = [];
  #chosen = -1;
  #timer = 0;
  #question = new AbortController();
  #open;

  /** @param {HTMLElement} into @param {(path: string) => void} open */
  constructor(into, open) {
    this.#open = open;
    fill(into, this.#field, el("kbd", { "aria-hidden": "true" }, "/"), this.#found);
    this.#field.addEventListener("input", () => this.#soon());
    this.#field.addEventListener("focus", () => this.#field.value.trim() && this.#soon());
    this.#field.addEventListener("keydown", (event) => this.#onKey(event));
    into.addEventListener("focusout", (event) => {
      if (!into.contains(/** @type {globalThis.Node | null} */ (event.relatedTarget))) this.#show(false);
    });
    this.#found.addEventListener("pointerdown", (event) => event.preventDefault());
    this.#found.addEventListener("click", (event) => {
      const option = /** @type {Element} */ (event.target).closest("[role=option]");
      if (option) this.#take(Number(/** @type {HTMLElement} */ (option).dataset.at));
    });
    addEventListener("keydown", (event) => {
      const { tagName } = /** @type {HTMLElement} */ (event.target) ?? {};
      const isTyping = tagName === "INPUT" || tagName === "TEXTAREA" || tagName === "SELECT";
      if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      this.#field.focus();
      this.#field.select();
    });
  }

  #soon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#ask(), DELAY);
  }

  async #ask() {
    this.#question.abort();
    const words = this.#field.value.trim();
    if (words === "") return this.#show(false);
    const question = new AbortController();
    this.#question = question;
    try {
      const { elements, more } = await api.search(words, question.signal);
      this.#list(elements, more);
    } catch (error) {
      if (question.signal.aborted) return;
      this.#elements = [];
      fill(this.#found, el("p", {}, error instanceof Error ? error.message : String(error)));
    }
    this.#show(true);
  }

  /** @param {api.Element[]} elements @param {boolean} more */
  #list(elements, more) {
    this.#elements = elements;
    const options = elements.map((element, at) => {
      const tier = level(element.level);
      const sample = element.sample;
      const value = sample
        ? `${clipped(short(sample.value, sample.datatype), 24)} ${clipped(sample.unit ?? "", 12)}`
        : "";
      return el(
        "div",
        { role: "option", id: `found-${at}`, "data-at": at, "aria-selected": "false" },
        el(
          "span",
          { class: "together" },
          tier ? el("span", { class: `level ${element.level}` }, tier[0]) : null,
          name(element.name ?? ""),
        ),
        el("span", { class: "nowrap" }, value),
        el("span", { class: "where" }, name(parentOf(element.path ?? ""))),
      );
    });
    const last = elements.length === 0 ? "Nothing is named so." : more ? "There are more; one more word helps." : "";
    fill(this.#found, ...options, last && el("p", { role: "presentation" }, last));
    this.#choose(elements.length > 0 ? 0 : -1);
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const last = this.#elements.length - 1;
    switch (event.key) {
      case "ArrowDown":
        if (this.#found.hidden) this.#soon();
        this.#choose(Math.min(last, this.#chosen + 1));
        break;
      case "ArrowUp":
        this.#choose(Math.max(0, this.#chosen - 1));
        break;
      case "Enter":
        if (this.#chosen >= 0 && !this.#found.hidden) this.#take(this.#chosen);
        break;
      case "Escape":
        if (this.#found.hidden) this.#field.value = "";
        this.#show(false);
        break;
      default:
        return;
    }
    event.preventDefault();
  }

  /** @param {number} at */
  #choose(at) {
    this.#chosen = at;
    for (const option of this.#found.querySelectorAll("[role=option]")) {
      const isChosen = /** @type {HTMLElement} */ (option).dataset.at === String(at);
      option.setAttribute("aria-selected", String(isChosen));
      if (isChosen) option.scrollIntoView({ block: "nearest" });
    }
    if (at >= 0) this.#field.setAttribute("aria-activedescendant", `found-${at}`);
    else this.#field.removeAttribute("aria-activedescendant");
  }

  /** @param {number} at */
  #take(at) {
    const path = this.#elements[at]?.path;
    if (path === undefined) return;
    this.#show(false);
    this.#field.blur();
    this.#open(path);
  }

  /** @param {boolean} isShown */
  #show(isShown) {
    if (!isShown) {
      this.#question.abort();
      clearTimeout(this.#timer);
    }
    this.#found.hidden = !isShown;
    this.#field.setAttribute("aria-expanded", String(isShown));
  }
}
