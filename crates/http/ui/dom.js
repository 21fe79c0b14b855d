//! Elements of the page, made of text that may come from anybody.
//!
//! Text becomes a text node and nothing else; there is no way in this folder from a string to markup. Names of the
//! plant go
//! through `name`, which isolates their direction, shows what would not be seen, and clips what is too long.
//! Knows nothing of the plant. Invariant: whatever a name holds, it cannot change how the text around it reads.

/** @typedef {Node | string | number | null | undefined | false} Child */

/** A name is shown up to here; all of it is one click away. */
const NAME_LEN_MAX = 160;

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, string | number | boolean | null | undefined | ((event: any) => void)>} [attributes]
 *   functions are
 *   listeners, `true` is an attribute without a value, `null` and `false` are none
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(key, value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(key, String(value));
  }
  append(element, children);
  return element;
}

/**
 * @param {string} tag
 * @param {Record<string, string | number>} [attributes]
 * @param {...Child} children
 */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  append(element, children);
  return element;
}

/** @param {Element} element @param {Child[]} children */
function append(element, children) {
  for (const child of children) {
    if (child !== null && child !== undefined && child !== false) {
      element.append(typeof child === "number" ? String(child) : child);
    }
  }
}

/** Puts children in place of those that are there. @param {Element} element @param {...Child} children */
export function fill(element, ...children) {
  element.replaceChildren();
  append(element, children);
}

// Control characters, those that change the direction of text, and those that take no room.
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\u{e0000}-\u{e007f}]/gu;

/** The same text with a word for every character that could not be seen. @param {string} text */
export function visible(text) {
  return text.replace(
    UNSEEN,
    (unseen) => `⟨U+${/** @type {number} */ (unseen.codePointAt(0)).toString(16).toUpperCase().padStart(4, "0")}⟩`,
  );
}

/** The beginning of a text, with whole characters. @param {string} text @param {number} max */
export function clipped(text, max = NAME_LEN_MAX) {
  if (text.length <= max) return visible(text);
  const whole = /[\ud800-\udbff]/.test(text[max - 1]) ? max - 1 : max;
  return `${visible(text.slice(0, whole))}…`;
}

/** A name in one line: clipped, its whole in the tooltip as far as that goes. @param {string} text */
export function name(text) {
  const shown = text === "" ? "(empty)" : clipped(text);
  return el(
    "bdi",
    { title: text.length > NAME_LEN_MAX ? clipped(text, 2000) : null, class: text === "" ? "soft" : null },
    shown,
  );
}

/** Any text, all of it on demand. @param {string} text @param {number} [max] */
export function longText(text, max = 400) {
  if (text.length <= max) return el("bdi", {}, visible(text));
  const shown = el("bdi", {}, clipped(text, max));
  const all = el(
    "button",
    {
      type: "button",
      class: "as-link",
      click: () => {
        shown.textContent = visible(text);
        all.remove();
      },
    },
    `show all ${text.length.toLocaleString("en")} characters`,
  );
  return el("span", {}, shown, " ", all);
}

/** A list of terms and what is known of each; what is null is left out. @param {[string, Child | Child[]][]} entries */
export function facts(entries) {
  const list = el("dl", { class: "facts" });
  for (const [term, about] of entries) {
    if (about === null || about === undefined || about === "") continue;
    list.append(el("dt", {}, term), el("dd", {}, ...(Array.isArray(about) ? about : [about])));
  }
  return list;
}

/**
 * A button that puts a text on the clipboard and says that it did.
 * @param {string} label @param {() => string} text
 */
export function copyButton(label, text) {
  const button = el(
    "button",
    {
      type: "button",
      click: async () => {
        try {
          await navigator.clipboard.writeText(text());
          button.textContent = "Copied";
        } catch {
          button.textContent = "The browser refused";
        }
        setTimeout(() => (button.textContent = label), 1500);
      },
    },
    label,
  );
  return button;
}
