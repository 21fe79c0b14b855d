//! Light or dark: as the machine is set, unless somebody says otherwise here.
//!
//! Invariant: without a choice nothing is stored.

import { el, fill } from "./dom.js";
import { shape } from "./marks.js";

const NEXT = new Map([
  ["auto", "light"],
  ["light", "dark"],
  ["dark", "auto"],
]);
const KEY = "factree-theme";

/** @param {HTMLButtonElement} button */
export function themeButton(button) {
  let theme = stored();
  const show = () => {
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    const [word, form] = theme === "auto" ? ["Auto", "half"] : theme === "light" ? ["Light", "ring"] : ["Dark", "disc"];
    fill(button, shape(form), el("span", { class: "hidden" }, "Colours: "), word);
  };
  button.addEventListener("click", () => {
    theme = NEXT.get(theme) ?? "auto";
    try {
      if (theme === "auto") localStorage.removeItem(KEY);
      else localStorage.setItem(KEY, theme);
    } catch {
      // Storage is off: the choice holds as long as the page.
    }
    show();
  });
  show();
}

function stored() {
  try {
    const theme = localStorage.getItem(KEY) ?? "auto";
    return NEXT.has(theme) ? theme : "auto";
  } catch {
    return "auto";
  }
}
