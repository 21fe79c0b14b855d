//! Keys and browser sessions, as lists with a way to end each: one's own, or everybody's.
//!
//! The secret of a key is shown once, in a dialog of its own, and is nowhere afterwards.
//! Invariant: what is ended is named in the question before.

import * as access from "./access-api.js";
import { confirmed } from "./dialog.js";
import { copyButton, el, fill, name } from "./dom.js";
import { mark } from "./marks.js";
import { card, table } from "./page.js";
import { when } from "./when.js";

const VERBS = ["read", "write", "command", "admin"];
/** How long a new key is good, in days; 0: for ever. */
const DAYS = [90, 30, 365, 0];

/** @param {(error: unknown) => void} refused @param {string | null} owner whose they are; null: everybody's */
export function credentials(refused, owner) {
  const keys = table("Keys", [
    "Id",
    ...(owner === null ? ["Owner"] : []),
    "What for",
    "May",
    "Made",
    "Good until",
    "Last used",
    "",
  ]);
  const sessions = table("Browser sessions", [...(owner === null ? ["Of"] : []), "Began", "Last used", ""]);
  const read = async () => {
    const [all, open] = await Promise.all([access.keys(), access.sessions()]);
    const own = (/** @type {{ owner: string }} */ it) => owner === null || it.owner === owner;
    fill(
      keys.body,
      ...rowsOr(
        all.filter(own).map((key) => keyRow(key, owner, again)),
        "No key.",
        8,
      ),
    );
    fill(
      sessions.body,
      ...rowsOr(
        open.filter(own).map((session) => sessionRow(session, owner, again)),
        "None.",
        4,
      ),
    );
  };
  const again = () => void read().catch(refused);
  again();
  const make = el("button", { type: "button", click: () => void makeKey(owner).then(again, refused) }, "New key…");
  return [
    card(el("div", { class: "spread" }, el("h2", {}, "Keys for programs"), make), keys.element),
    card(el("h2", {}, "Browser sessions"), sessions.element),
  ];
}

/** @param {HTMLElement[]} rows @param {string} otherwise @param {number} width */
function rowsOr(rows, otherwise, width) {
  return rows.length > 0 ? rows : [el("tr", {}, el("td", { class: "soft", colspan: width }, otherwise))];
}

/** @param {access.Key} key @param {string | null} owner @param {() => void} again */
function keyRow(key, owner, again) {
  const question = {
    title: "Revoke this key?",
    act: "Revoke",
    isGrave: true,
    body: [el("p", {}, name(key.label), ", of ", name(key.owner), ". What uses it is cut off within five seconds.")],
  };
  const revoke = async () => {
    if (await confirmed(question, () => access.removeKey(key.id))) again();
  };
  const isOver = key.expires !== undefined && Date.parse(key.expires) < Date.now();
  return el(
    "tr",
    {},
    el("td", { class: "mono" }, name(key.id)),
    owner === null ? el("td", {}, name(key.owner)) : null,
    el("td", { class: "name" }, name(key.label)),
    el(
      "td",
      {},
      key.verbs.join(", "),
      key.roles ? el("div", { class: "soft" }, "as ", name(key.roles.join(", "))) : null,
    ),
    el("td", { class: "nowrap" }, when(key.created)),
    el(
      "td",
      { class: "nowrap" },
      isOver ? mark("bars", "Over", "loud stale") : when(key.expires, { otherwise: "for ever" }),
    ),
    el("td", { class: "nowrap" }, when(key.used, { otherwise: "never" })),
    el("td", { class: "num" }, el("button", { type: "button", class: "grave", click: revoke }, "Revoke…")),
  );
}

/** @param {access.BrowserSession} session @param {string | null} owner @param {() => void} again */
function sessionRow(session, owner, again) {
  const question = {
    title: session.current ? "End this very session?" : "End this session?",
    act: "End",
    isGrave: true,
    body: [el("p", {}, "Of ", name(session.owner), ", since ", when(session.created), ".")],
  };
  const end = async () => {
    if (await confirmed(question, () => access.endSession(session.id))) again();
  };
  return el(
    "tr",
    {},
    owner === null ? el("td", { class: "name" }, name(session.owner)) : null,
    el("td", { class: "nowrap" }, when(session.created)),
    el("td", { class: "nowrap" }, when(session.used), session.current ? el("strong", {}, " this one") : null),
    el("td", { class: "num" }, el("button", { type: "button", class: "grave", click: end }, "End…")),
  );
}

/** Asks what a key is to be, makes it, and shows its secret. @param {string | null} owner */
async function makeKey(owner) {
  const label = el("input", { type: "text", required: true, maxlength: 200, autocomplete: "off", autofocus: true });
  const of = el("input", { type: "text", required: true, autocomplete: "off", spellcheck: "false" });
  const days = el(
    "select",
    {},
    ...DAYS.map((number) => el("option", { value: number }, number === 0 ? "for ever" : `${number} days`)),
  );
  const verbs = VERBS.map((verb) => el("input", { type: "checkbox", value: verb, checked: verb === "read" }));
  const question = {
    title: "New key",
    act: "Make it",
    body: [
      field("What for", label),
      owner === null ? field("Whose", of) : null,
      el(
        "fieldset",
        { class: "together" },
        el("legend", {}, "It may, as far as its owner may"),
        ...verbs.map((box) => el("label", {}, box, ` ${box.value}`)),
      ),
      field("Good for", days),
    ],
  };
  const made = await confirmed(question, () =>
    access.addKey({
      label: label.value,
      owner: owner ?? of.value,
      verbs: verbs.filter(({ checked }) => checked).map(({ value }) => value),
      expires: days.value === "0" ? undefined : new Date(Date.now() + Number(days.value) * 86_400_000).toISOString(),
    }),
  );
  if (!made) return;
  const { secret } = made.done;
  await confirmed(
    {
      title: "The key, this once",
      act: "I have it",
      body: [
        el(
          "p",
          {},
          "It is not shown again, and Factree does not know it afterwards. It goes behind ",
          el("code", {}, "Authorization: Bearer"),
          ".",
        ),
        el(
          "div",
          { class: "proposal" },
          el("pre", { class: "secret" }, secret),
          copyButton("Copy", () => secret),
        ),
      ],
    },
    async () => undefined,
  );
}

/** @param {string} label @param {HTMLElement} input */
export function field(label, input) {
  return el("label", { class: "why" }, label, input);
}
