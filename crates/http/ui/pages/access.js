//! Who may log in and what each may do: users, roles, keys, sessions, and who is shut out. For those who manage the area `access`.
//!
//! Invariant: whatever is changed was shown and confirmed; what is refused, the last admin for one, is said in the server's words.

import * as access from "../access-api.js";
import { credentials, field } from "../credentials.js";
import { confirmed } from "../dialog.js";
import { el, fill, longText, name } from "../dom.js";
import { count } from "../format.js";
import { mark } from "../marks.js";
import { card, Page, table } from "../page.js";
import { shutOut } from "../shut-out.js";

/** @typedef {import("../page.js").Surroundings} Surroundings */
/** @typedef {{ roles: access.Role[], mayChange: boolean, again: () => void }} Known */

/** @param {Surroundings} around */
export function accessPage({ session }) {
  const page = new Page("Users, roles and keys");
  const users = table("Users", ["Name", "State", "Roles", "#Keys", "#Sessions", ""]);
  const roles = table("Roles", ["Name", "May", "Pinned to", "#Users", ""]);
  const mayChange = session.mayManage("access", "admin");
  /** @type {Known} */
  const known = { roles: [], mayChange, again: () => void read().catch(page.refused) };
  const read = async () => {
    const [all, them] = await Promise.all([access.users(), access.roles()]);
    page.answered();
    known.roles = them;
    fill(users.body, ...all.map((user) => userRow(user, known)));
    fill(roles.body, ...them.map((role) => roleRow(role, known)));
  };
  const button = (/** @type {string} */ label, /** @type {() => Promise<boolean>} */ act) =>
    mayChange ? el("button", { type: "button", click: async () => (await act()) && known.again() }, label) : null;
  page.element.append(
    card(
      el(
        "div",
        { class: "spread" },
        el("h2", {}, "Users"),
        button("New user…", () => newUser(known)),
      ),
      users.element,
    ),
    card(
      el(
        "div",
        { class: "spread" },
        el("h2", {}, "Roles"),
        button("New role…", () => editRole(null)),
      ),
      roles.element,
    ),
    ...credentials(page.refused, null),
    shutOut(page.refused, mayChange),
  );
  known.again();
  return page.element;
}

/** @param {access.User} user @param {Known} known */
function userRow(user, known) {
  const { again } = known;
  const act = (/** @type {string} */ label, /** @type {() => Promise<boolean>} */ deed, isGrave = false) =>
    el(
      "button",
      { type: "button", class: isGrave ? "grave" : null, click: async () => (await deed()) && again() },
      label,
    );
  return el(
    "tr",
    {},
    el("td", { class: "name" }, name(user.name)),
    el(
      "td",
      {},
      user.disabled ? mark("cross", "Disabled", "loud stale") : mark("disc", "Enabled"),
      user.has_password ? null : el("div", { class: "soft" }, "by certificate only"),
    ),
    el("td", {}, user.roles.length > 0 ? name(user.roles.join(", ")) : el("span", { class: "soft" }, "none")),
    el("td", { class: "num" }, count(user.keys_count)),
    el("td", { class: "num" }, count(user.sessions_count)),
    el(
      "td",
      {},
      known.mayChange
        ? el(
            "div",
            { class: "together end" },
            act("Roles…", () => editRoles(user, known)),
            act("Password…", () => setPassword(user)),
            act(user.disabled ? "Enable…" : "Disable…", () => toggle(user)),
            act("Remove…", () => removeUser(user), true),
          )
        : null,
    ),
  );
}

/** Boxes for all roles. @param {Known} known @param {string[]} chosen */
function roleBoxes({ roles }, chosen) {
  const boxes = roles.map((role) =>
    el("input", { type: "checkbox", value: role.name, checked: chosen.includes(role.name) }),
  );
  return {
    element: el(
      "fieldset",
      { class: "boxes" },
      el("legend", {}, "Roles"),
      ...boxes.map((box) => el("label", {}, box, " ", name(box.value))),
    ),
    chosen: () => boxes.filter(({ checked }) => checked).map(({ value }) => value),
  };
}

/** @param {Known} known */
async function newUser(known) {
  const user = el("input", { type: "text", required: true, autocomplete: "off", spellcheck: "false", autofocus: true });
  const password = el("input", { type: "password", autocomplete: "new-password" });
  const boxes = roleBoxes(known, []);
  const question = {
    title: "New user",
    act: "Add",
    body: [
      field("Name", user),
      field("Password, 8 characters at least; left empty for certificates only", password),
      boxes.element,
    ],
  };
  const added = await confirmed(question, () =>
    access.addUser({ name: user.value, roles: boxes.chosen(), ...(password.value && { password: password.value }) }),
  );
  return added !== null;
}

/** @param {access.User} user @param {Known} known */
async function editRoles(user, known) {
  const boxes = roleBoxes(known, user.roles);
  const question = {
    title: "What may this user do?",
    act: "Set",
    body: [el("p", {}, name(user.name), ". In force within five seconds, wherever he is connected."), boxes.element],
  };
  return (await confirmed(question, () => access.changeUser(user.name, { roles: boxes.chosen() }))) !== null;
}

/** @param {access.User} user */
async function setPassword(user) {
  const password = el("input", { type: "password", autocomplete: "new-password", required: true, autofocus: true });
  const question = {
    title: "Another password?",
    act: "Set",
    body: [el("p", {}, name(user.name), ". His sessions end."), field("New password, 8 characters at least", password)],
  };
  return (await confirmed(question, () => access.changeUser(user.name, { password: password.value }))) !== null;
}

/** @param {access.User} user */
async function toggle({ name: who, disabled }) {
  const question = {
    title: disabled ? "Enable this user?" : "Disable this user?",
    act: disabled ? "Enable" : "Disable",
    isGrave: !disabled,
    body: [
      el(
        "p",
        {},
        name(who),
        disabled ? " may log in again." : " is cut off within five seconds and may not log in. His keys let nobody in.",
      ),
    ],
  };
  return (await confirmed(question, () => access.changeUser(who, { disabled: !disabled }))) !== null;
}

/** @param {access.User} user */
async function removeUser(user) {
  const question = {
    title: "Remove this user?",
    act: "Remove",
    isGrave: true,
    body: [
      el(
        "p",
        {},
        name(user.name),
        " is removed, with ",
        `${count(user.keys_count)} keys and ${count(user.sessions_count)} sessions.`,
      ),
    ],
  };
  return (await confirmed(question, () => access.removeUser(user.name))) !== null;
}

/** @param {access.Role} role @param {Known} known */
function roleRow(role, { mayChange, again }) {
  const lines = (/** @type {string[]} */ texts) =>
    el("ul", { class: "mono" }, ...texts.map((text) => el("li", {}, longText(text, 160))));
  const remove = () =>
    confirmed(
      {
        title: "Remove this role?",
        act: "Remove",
        isGrave: true,
        body: [el("p", {}, name(role.name))],
      },
      () => access.removeRole(role.name),
    );
  return el(
    "tr",
    {},
    el(
      "td",
      { class: "name" },
      name(role.name),
      role.fixed ? el("div", { class: "soft" }, "built in or configured") : null,
    ),
    el("td", { class: "text" }, lines(role.grants)),
    el("td", {}, lines(role.pins)),
    el("td", { class: "num" }, count(role.holders_count)),
    el(
      "td",
      {},
      role.fixed || !mayChange
        ? null
        : el(
            "div",
            { class: "together end" },
            el("button", { type: "button", click: async () => (await editRole(role)) && again() }, "Change…"),
            el("button", { type: "button", class: "grave", click: async () => (await remove()) && again() }, "Remove…"),
          ),
    ),
  );
}

/** @param {access.Role | null} role none: a new one */
async function editRole(role) {
  const called = el("input", { type: "text", required: true, autocomplete: "off", autofocus: true });
  const grants = el("textarea", { spellcheck: "false", autofocus: role !== null }, role?.grants.join("\n") ?? "");
  const pins = el("textarea", { spellcheck: "false" }, role?.pins.join("\n") ?? "");
  const lines = (/** @type {HTMLTextAreaElement} */ area) =>
    area.value.split("\n").filter((line) => line.trim() !== "");
  const question = {
    title: role ? "Change this role" : "New role",
    act: "Set",
    body: [
      role
        ? el("p", {}, name(role.name), ". In force within five seconds for everybody who has it.")
        : field("Name", called),
      field("May, a grant on each line: read tree:Acme/Dallas/#", grants),
      field("Pinned to, a pin on each line; mostly none", pins),
    ],
  };
  const set = () => access.setRole(role?.name ?? called.value, { grants: lines(grants), pins: lines(pins) });
  return (await confirmed(question, set)) !== null;
}
