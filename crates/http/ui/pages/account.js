//! What is one's own: the password, keys, sessions.
//!
//! Invariant: nobody else's is shown here, whatever one may.

import * as access from "../access-api.js";
import { credentials, field } from "../credentials.js";
import { words } from "../dialog.js";
import { el, fill, name } from "../dom.js";
import { mark } from "../marks.js";
import { card, Page } from "../page.js";

/** @typedef {import("../page.js").Surroundings} Surroundings */

/** @param {Surroundings} around */
export function accountPage({ session }) {
  const { me } = session;
  const owner = me?.name;
  const page = new Page("Password and keys", el("p", {}, name(owner ?? me?.principal ?? "")));
  if (!me || me.by !== "session" || owner === undefined) {
    page.element.append(card(el("p", { class: "empty" }, "Only who has logged in by name and password has these.")));
    return page.element;
  }
  page.element.append(passwordCard(session), ...credentials(page.refused, owner));
  return page.element;
}

/** @param {import("../session.js").Session} session */
function passwordCard(session) {
  const input = (/** @type {string} */ autocomplete) => el("input", { type: "password", autocomplete, required: true });
  const [current, wanted, again] = [input("current-password"), input("new-password"), input("new-password")];
  const said = el("p", { class: "refused", role: "alert" });
  const form = el(
    "form",
    {
      class: "login",
      submit: async (event) => {
        event.preventDefault();
        if (wanted.value !== again.value) return fill(said, "The new password is not twice the same.");
        try {
          await access.changePassword(current.value, wanted.value);
          fill(said, mark("disc", "Changed"), " All your sessions have ended, this one too.");
          await session.check();
        } catch (error) {
          fill(said, words(error));
        }
      },
    },
    el("input", { type: "text", autocomplete: "username", value: session.me?.name ?? "", hidden: true }),
    field("Current password", current),
    field("New password, 8 characters at least", wanted),
    field("The same again", again),
    el("button", { type: "submit", class: "main" }, "Change it"),
    said,
  );
  return card(el("h2", {}, "Password"), form);
}
