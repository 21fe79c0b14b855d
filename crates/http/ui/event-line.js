//! What happened, as a line: a mark, who it was about with the way there, and what was said of it.
//!
//! Invariant: a kind that this page does not know is shown by its name.

import { clientPage, edgeNodePage, pageOf } from "./address.js";
import { clipped, el, name } from "./dom.js";
import { words } from "./format.js";
import { mark } from "./marks.js";

/** @typedef {import("./api.js").PlantEvent} PlantEvent */

/** @type {Map<string, [form: string, word: string, loudness: string, of: "plant" | "clients" | "wrong"]>} */
const KINDS = new Map([
  ["edge_node_born", ["disc", "Born", "", "plant"]],
  ["edge_node_adopted", ["ring", "Goes on", "", "plant"]],
  ["edge_node_died", ["cross", "Offline", "loud dead", "plant"]],
  ["device_born", ["disc", "Device born", "", "plant"]],
  ["device_died", ["cross", "Device offline", "loud dead", "plant"]],
  ["rebirth_asked", ["half", "Rebirth asked", "", "plant"]],
  ["rivals", ["triangle", "Two births", "loud bad", "wrong"]],
  ["finding", ["triangle", "Finding", "loud doubt", "wrong"]],
  ["deviation", ["triangle", "Against a rule", "loud doubt", "wrong"]],
  ["trouble", ["triangle", "Trouble", "loud bad", "wrong"]],
  ["client_connected", ["disc", "Connected", "", "clients"]],
  ["client_disconnected", ["ring", "Disconnected", "", "clients"]],
  ["client_refused", ["cross", "Refused", "loud doubt", "clients"]],
  ["will_published", ["diamond", "Will published", "", "clients"]],
  ["session_ended", ["square", "Session ended", "", "clients"]],
  ["publication_refused", ["triangle", "Publish refused", "loud doubt", "wrong"]],
  ["subscription_refused", ["triangle", "Subscribe refused", "loud doubt", "wrong"]],
  ["queue_full", ["bars", "Losing", "loud doubt", "wrong"]],
]);

/** Of what an event is: the plant, the clients, what is wrong. @param {PlantEvent} event */
export function ofWhat({ kind }) {
  return KINDS.get(kind)?.[3] ?? "wrong";
}

/** What happened. @param {PlantEvent} event */
export function eventMark({ kind }) {
  const [form, word, loudness] = KINDS.get(kind) ?? ["square", words(kind), ""];
  return mark(form, word, loudness);
}

/** Whom or what it is about. @param {PlantEvent} event @param {{ withGroup?: boolean }} [how] */
export function eventSubject(
  { kind, group, edge_node: edgeNode, device, client_id: client, about },
  { withGroup = true } = {},
) {
  if (group !== undefined && edgeNode !== undefined) {
    const of = [withGroup ? group : undefined, edgeNode, device].filter((part) => part !== undefined).join(" / ");
    return el("a", { href: edgeNodePage(group, edgeNode) }, name(of));
  }
  if (kind === "deviation" && about !== undefined) return el("a", { href: pageOf(about) }, name(about));
  if (client !== undefined) return el("a", { href: clientPage(client) }, name(client));
  return about === undefined ? el("span", { class: "soft" }, "–") : name(about);
}

/** What was said of it. @param {PlantEvent} event */
export function eventText({ kind, text, about, address }) {
  const more = [text && words(text), kind === "deviation" ? null : about, address].filter(Boolean).join(" · ");
  return more ? el("bdi", { title: clipped(more, 1000) }, clipped(more, 300)) : null;
}
