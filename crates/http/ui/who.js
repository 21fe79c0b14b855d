//! Who is looking, in the bar: a name, the roles, and the way out.
//!
//! Where nobody has to prove anything there is nobody to name, and this is empty.
//! Invariant: what is shown is what the server said last.

import { el, fill, name } from "./dom.js";

/** @typedef {import("./session.js").Session} Session */

/** @param {HTMLElement} into @param {Session} session */
export function showWho(into, session) {
  const { me } = session;
  if (!me || !me.login_required) return fill(into);
  if (!session.isSomebody()) {
    const logIn = el("a", { href: "/login", class: "button" }, "Log in");
    return fill(into, logIn);
  }
  const shown = me.name ?? me.principal;
  const panel = el(
    "div",
    { class: "panel" },
    el("p", {}, el("strong", {}, name(shown))),
    el("p", { class: "soft" }, me.roles.length > 0 ? "Roles: " : "No roles", ...me.roles.flatMap(roleOf)),
    session.mayCommand() ? null : el("p", { class: "soft" }, "You may look, and set nothing."),
    el("p", {}, el("a", { href: "/account" }, "Password and keys")),
    el(
      "button",
      {
        type: "button",
        click: () =>
          session.logOut().then(
            () => location.assign("/"),
            () => session.check(),
          ),
      },
      "Log out",
    ),
  );
  const menu = el(
    "details",
    {
      class: "menu",
      focusout: (event) => {
        if (!menu.contains(event.relatedTarget)) menu.open = false;
      },
      keydown: (event) => {
        if (event.key === "Escape") menu.open = false;
      },
    },
    el("summary", {}, el("span", { class: "hidden" }, "Logged in as "), name(shown)),
    panel,
  );
  fill(into, menu);
}

/** @param {string} role @param {number} at */
function roleOf(role, at) {
  return [at > 0 ? ", " : "", name(role)];
}
