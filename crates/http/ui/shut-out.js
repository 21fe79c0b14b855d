//! Names in tokens and certificates that are not let in: a list, with a way to add one and to take one off.
//!
//! Invariant: who is shut out is named before it is done.

import * as access from "./access-api.js";
import { field } from "./credentials.js";
import { confirmed } from "./dialog.js";
import { el, fill, name } from "./dom.js";
import { card, table } from "./page.js";
import { when } from "./when.js";

/** @param {(error: unknown) => void} refused @param {boolean} mayChange */
export function shutOut(refused, mayChange) {
  const list = table("Not let in", ["Name", "Since", ""]);
  const read = async () => {
    const all = await access.disabled();
    const nobody = el("tr", {}, el("td", { class: "soft", colspan: 3 }, "Nobody."));
    fill(list.body, ...(all.length > 0 ? all.map((one) => row(one, mayChange, again)) : [nobody]));
  };
  const again = () => void read().catch(refused);
  again();
  const add = mayChange
    ? el("button", { type: "button", click: async () => (await disable()) && again() }, "Shut out…")
    : null;
  return card(el("div", { class: "spread" }, el("h2", {}, "Tokens and certificates not let in"), add), list.element);
}

/** @param {access.Disabled} one @param {boolean} mayChange @param {() => void} again */
function row({ principal, since }, mayChange, again) {
  const question = {
    title: "Let this name in again?",
    act: "Let in",
    body: [el("p", {}, name(principal), " is let in again, if what it shows is good.")],
  };
  const enable = async () => {
    if (await confirmed(question, () => access.enable(principal))) again();
  };
  return el(
    "tr",
    {},
    el("td", { class: "name" }, name(principal)),
    el("td", { class: "nowrap" }, when(since)),
    el("td", { class: "num" }, mayChange ? el("button", { type: "button", click: enable }, "Let in…") : null),
  );
}

async function disable() {
  const who = el("input", { type: "text", required: true, autocomplete: "off", spellcheck: "false", autofocus: true });
  const kind = el(
    "select",
    {},
    ...["token", "certificate"].map((kind) => el("option", { value: kind }, `in a ${kind}`)),
  );
  const question = {
    title: "Shut out a name?",
    act: "Shut out",
    isGrave: true,
    body: [
      el("p", {}, "Whoever shows it is cut off within five seconds, and not let in until it is taken off the list."),
      field("Name", who),
      field("Where it stands", kind),
    ],
  };
  return (await confirmed(question, () => access.disable(`${kind.value}:${who.value}`))) !== null;
}
