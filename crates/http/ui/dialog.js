//! A question before something happens in the plant, and the reason for it where one is wanted.
//!
//! Invariant: what is asked about happens only if the button that names it was pressed.

import { Refusal } from "./api.js";
import { el } from "./dom.js";

/** @typedef {import("./dom.js").Child} Child */
/** @typedef {{ title: string, act: string, isGrave?: boolean, asksReason?: boolean, body: Child[] }} Question `act` is the word on
 *   the button that does it */

/** As long as the server takes. */
const REASON_LEN_MAX = 1000;
/** The server has said that it does nothing without a reason. */
let isReasonNeeded = false;

/**
 * Asks, and does it if the answer is yes. If the server wants to know why, that is asked too.
 * @template T
 * @param {Question} question @param {(reason: string) => Promise<T>} deed an empty reason is none
 * @returns {Promise<{ done: T } | null>} null if the answer was no
 */
export async function confirmed(question, deed) {
  for (;;) {
    const answer = await ask(question);
    if (answer === null) return null;
    try {
      return { done: await deed(answer) };
    } catch (error) {
      if (isReasonNeeded || !(error instanceof Refusal) || !error.type.endsWith(":reason-missing")) throw error;
      isReasonNeeded = true;
    }
  }
}

/** @param {Question} question @returns {Promise<string | null>} the reason, maybe empty; null: it is not to be done */
function ask({ title, act, isGrave = false, asksReason = false, body }) {
  return new Promise((resolve) => {
    const reason = el("input", {
      type: "text",
      name: "reason",
      maxlength: REASON_LEN_MAX,
      required: isReasonNeeded,
      autocomplete: "off",
    });
    const why = el("label", { class: "why" }, isReasonNeeded ? "Why? This is kept." : "Why? Optional; it is kept.", reason);
    const dialog = el("dialog", {
      "aria-labelledby": "question",
      close: () => {
        dialog.remove();
        resolve(dialog.returnValue === "yes" ? reason.value.trim() : null);
      },
    });
    const no = el("button", { type: "button", click: () => dialog.close("no") }, "Cancel");
    const yes = el("button", { type: "submit", class: isGrave ? "grave" : "main" }, act);
    const form = el(
      "form",
      {
        submit: (event) => {
          event.preventDefault();
          dialog.close("yes");
        },
      },
      el("h2", { id: "question" }, title),
      ...body,
      asksReason ? why : null,
      el("div", { class: "together" }, no, yes),
    );
    dialog.append(form);
    document.body.append(dialog);
    dialog.showModal();
    if (asksReason && isReasonNeeded) reason.focus();
    else no.focus();
  });
}
