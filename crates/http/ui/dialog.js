//! A question before something happens in the plant.
//!
//! Invariant: what is asked about happens only if the button that names it was pressed.

import { el } from "./dom.js";

/** @typedef {import("./dom.js").Child} Child */

/**
 * @param {string} title @param {string} act the word on the button that does it @param {boolean} isGrave
 * @param {...Child} body
 * @returns {Promise<boolean>}
 */
export function confirm(title, act, isGrave, ...body) {
  return new Promise((resolve) => {
    const dialog = el("dialog", {
      "aria-labelledby": "question",
      close: () => {
        dialog.remove();
        resolve(dialog.returnValue === "yes");
      },
    });
    const no = el("button", { type: "button", click: () => dialog.close("no") }, "Cancel");
    const yes = el(
      "button",
      { type: "button", class: isGrave ? "grave" : "main", click: () => dialog.close("yes") },
      act,
    );
    dialog.append(
      el("h2", { id: "question" }, title),
      ...body
        .filter((child) => child instanceof Node || typeof child === "string")
        .map((child) => /** @type {Node | string} */ (child)),
      el("div", { class: "together" }, no, yes),
    );
    document.body.append(dialog);
    dialog.showModal();
    no.focus();
  });
}
