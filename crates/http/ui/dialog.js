//! A question before something happens, with the reason for it where one is wanted.
//!
//! It stays until what was asked about has happened or somebody leaves it, so nothing that was typed is lost to a refusal.
//! Invariant: what is asked about happens only if the button that names it was pressed.

import { Refusal } from "./api.js";
import { el, fill, visible } from "./dom.js";

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
export function confirmed({ title, act, isGrave = false, asksReason = false, body }, deed) {
  return new Promise((resolve) => {
    /** @type {{ done: T } | null} */
    let outcome = null;
    const reason = el("input", { type: "text", name: "reason", maxlength: REASON_LEN_MAX, autocomplete: "off" });
    const label = el("span");
    const said = el("p", { class: "refused", role: "alert" });
    const no = el("button", { type: "button", click: () => dialog.close() }, "Cancel");
    const yes = el("button", { type: "submit", class: isGrave ? "grave" : "main" }, act);
    const form = el(
      "form",
      {
        submit: async (event) => {
          event.preventDefault();
          yes.disabled = true;
          fill(said);
          try {
            outcome = { done: await deed(reason.value.trim()) };
            dialog.close();
          } catch (error) {
            tell(error);
          } finally {
            yes.disabled = false;
          }
        },
      },
      el("h2", { id: "question" }, title),
      ...body,
      asksReason ? el("label", { class: "why" }, label, reason) : null,
      said,
      el("div", { class: "together" }, no, yes),
    );
    const dialog = el(
      "dialog",
      {
        "aria-labelledby": "question",
        close: () => {
          dialog.remove();
          resolve(outcome);
        },
      },
      form,
    );
    const showReason = () => {
      reason.required = isReasonNeeded;
      fill(label, isReasonNeeded ? "Why? It is kept in the audit log." : "Why? Optional; it is kept in the audit log.");
    };
    /** @param {unknown} error */
    const tell = (error) => {
      if (error instanceof Refusal && error.type.endsWith(":reason-missing") && !isReasonNeeded) {
        isReasonNeeded = true;
        showReason();
        reason.focus();
      }
      fill(said, words(error));
    };
    showReason();
    document.body.append(dialog);
    dialog.showModal();
    const first = /** @type {HTMLElement | null} */ (form.querySelector("[autofocus]"));
    (first ?? (asksReason && isReasonNeeded ? reason : no)).focus();
  });
}

/** What went wrong. @param {unknown} error */
export function words(error) {
  if (!(error instanceof Error)) return String(error);
  const title = error instanceof Refusal && error.title !== error.message ? `${error.title}: ` : "";
  return visible(`${title}${error.message}`);
}
