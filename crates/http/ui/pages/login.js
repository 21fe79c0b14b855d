//! Logging in: a name and a password, and what the server says to them.
//!
//! Shown in place of whatever page was asked for, so who has logged in is where he wanted to be.
//! Invariant: what was typed leaves this form for the server and nowhere else.

import * as api from "../api.js";
import { el } from "../dom.js";
import { mark } from "../marks.js";

/** @typedef {import("../session.js").Session} Session */

/** @param {Session} session @param {() => void} done */
export function loginPage(session, done) {
  const user = el("input", { type: "text", name: "username", autocomplete: "username", required: true, id: "user" });
  const password = el("input", {
    type: "password",
    name: "password",
    autocomplete: "current-password",
    required: true,
    id: "password",
  });
  const button = el("button", { type: "submit", class: "main" }, "Log in");
  const said = el("p", { class: "refused", role: "alert" });
  const form = el(
    "form",
    {
      class: "login",
      submit: async (event) => {
        event.preventDefault();
        button.disabled = true;
        said.textContent = "";
        try {
          await session.logIn(user.value, password.value);
          done();
        } catch (error) {
          said.textContent = words(error);
          password.value = "";
          password.focus();
        } finally {
          button.disabled = false;
        }
      },
    },
    el("h1", {}, "Log in"),
    session.hasEnded
      ? el("p", {}, mark("bars", "Your session has ended.", "loud stale"), " Log in again, and you are where you were.")
      : el("p", { class: "soft" }, "This plant is shown to those it knows."),
    el("label", { for: "user" }, "Name"),
    user,
    el("label", { for: "password" }, "Password"),
    password,
    button,
    said,
  );
  const page = el("div", { class: "page" }, el("section", { class: "card narrow" }, form));
  requestAnimationFrame(() => user.focus());
  return page;
}

/** @param {unknown} error */
function words(error) {
  if (!(error instanceof api.Refusal)) return String(error);
  if (error.status === 401) return "Name or password is wrong.";
  return error.message;
}
