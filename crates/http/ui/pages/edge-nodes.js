//! All Edge Nodes: who is there, who is not, and who does not behave.
//!
//! Invariant: those that are not online come first, whatever else is sorted.

import * as api from "../api.js";
import { edgeNodePage } from "../address.js";
import { el, fill, name } from "../dom.js";
import { age, count, moment, rate } from "../format.js";
import { Rates } from "../figures.js";
import { state } from "../marks.js";
import { card, Page, table } from "../page.js";
import { poll } from "../poll.js";

/** @typedef {import("../page.js").Surroundings} Surroundings */

const EVERY = 2000;
const ORDER = ["offline", "restored", "unborn", "reordering", "online"];

/** @param {Surroundings} around */
export function edgeNodesPage({ signal }) {
  const summary = el("p");
  const words = el("input", {
    type: "search",
    placeholder: "Filter by group or name",
    "aria-label": "Filter Edge Nodes",
    autocomplete: "off",
  });
  const more = el("p", { class: "soft" });
  const page = new Page("Edge Nodes", summary, el("form", { submit: (event) => event.preventDefault() }, words));
  const list = table([
    "State",
    "Group",
    "Edge Node",
    "#Devices",
    "#Metrics",
    "#Messages /s",
    "#Last message",
    "Born",
    "#Seq gaps",
    "#Rebirths",
    "#Findings",
  ]);
  page.element.append(card(list.element, more));
  const rates = new Rates();
  /** @type {api.EdgeNode[]} */
  let known = [];

  const show = () => {
    const at = performance.now();
    const wanted = words.value.trim().toLowerCase();
    const shown = known
      .filter((node) => `${node.group} ${node.edge_node}`.toLowerCase().includes(wanted))
      .toSorted((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state));
    fill(
      list.body,
      ...shown.map((node) => row(node, rates.take(JSON.stringify([node.group, node.edge_node]), messagesOf(node), at))),
    );
    const online = known.filter((node) => node.state === "online" || node.state === "reordering").length;
    summary.textContent = `${count(online)} of ${count(known.length)} online`;
    more.textContent =
      known.length === 0 ? "None has been heard of yet. Point one at this broker, and it is here with its Birth." : "";
  };
  words.addEventListener("input", show);

  void poll(
    EVERY,
    signal,
    async () => {
      /** @type {api.EdgeNode[]} */
      const all = [];
      /** @type {string | undefined} */
      let cursor;
      do {
        const next = await api.edgeNodes({ cursor });
        all.push(...next.edge_nodes);
        cursor = next.next_cursor;
      } while (cursor !== undefined && !signal.aborted);
      known = all;
      page.answered();
      show();
    },
    page.refused,
  );
  return page.element;
}

/** All that was counted from an Edge Node. @param {api.EdgeNode} node */
export function messagesOf({ counters }) {
  return counters.births + counters.data + counters.deaths;
}

/** @param {api.EdgeNode} node @param {number | null} perSecond */
function row(node, perSecond) {
  const { group, edge_node: edgeNode, counters } = node;
  const isAway = node.state === "offline" || node.state === "restored" || node.state === "unborn";
  const awake = node.devices.filter((device) => device.state === "online").length;
  const odd = (/** @type {number} */ number) =>
    number > 0 ? el("strong", {}, count(number)) : el("span", { class: "soft" }, "0");
  return el(
    "tr",
    { class: isAway ? "grave" : null },
    el("td", {}, state(node.state)),
    el("td", { class: "text" }, name(group)),
    el("td", { class: "name" }, el("a", { href: edgeNodePage(group, edgeNode) }, name(edgeNode))),
    el(
      "td",
      { class: "num" },
      node.devices.length === awake
        ? count(awake)
        : el("strong", {}, `${count(awake)} of ${count(node.devices.length)}`),
    ),
    el("td", { class: "num" }, count(node.metrics_count)),
    el("td", { class: "num" }, rate(perSecond)),
    el("td", { class: "num" }, age(node.last_message)),
    el("td", { class: "nowrap" }, node.born ? moment(node.born) : "never"),
    el("td", { class: "num" }, odd(counters.seq_gaps)),
    el("td", { class: "num" }, odd(counters.rebirths_asked)),
    el("td", { class: "num" }, odd(counters.findings)),
  );
}
