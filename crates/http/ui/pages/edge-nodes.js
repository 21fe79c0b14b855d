//! All Edge Nodes: who is there, who is not, and who does not behave.
//!
//! All are asked for and few are elements of the page, so a plant of thousands is found and ordered as one of ten.
//! Invariant: those that are not online come first, unless somebody orders them otherwise.

import * as api from "../api.js";
import { edgeNodePage } from "../address.js";
import { el, name } from "../dom.js";
import { age, count, rate } from "../format.js";
import { Rates } from "../figures.js";
import { firstSteps } from "../first-steps.js";
import { LongTable } from "../long-table.js";
import { state } from "../marks.js";
import { card, NARROW, Page, stack } from "../page.js";
import { poll } from "../poll.js";
import { when } from "../when.js";

/** @typedef {import("../page.js").Surroundings} Surroundings */
/** @typedef {{ node: api.EdgeNode, perSecond: number | null }} Seen */

const EVERY = 2000;
const ORDER = ["offline", "restored", "unborn", "reordering", "online"];
/** Which of them are shown, as the address says it. @type {Map<string, [string, (node: api.EdgeNode) => boolean]>} */
const SHOWN = new Map([
  ["", ["All", () => true]],
  ["away", ["Not online", isAway]],
  ["online", ["Online", (node) => !isAway(node)]],
  ["findings", ["With findings", ({ counters }) => counters.findings > 0]],
]);

/** @type {import("../long-table.js").Column<Seen>[]} */
const COLUMNS = [
  { label: "State", width: 128, order: ({ node }) => ORDER.indexOf(node.state) },
  { label: "Group", width: 190, order: ({ node }) => node.group },
  { label: "Edge Node", width: 190, order: ({ node }) => node.edge_node },
  { label: "Devices", width: 84, isNumber: true, order: ({ node }) => node.devices.length },
  { label: "Metrics", width: 84, isNumber: true, order: ({ node }) => node.metrics_count },
  { label: "Messages /s", width: 108, isNumber: true, order: ({ perSecond }) => perSecond ?? -1 },
  { label: "Last message", width: 116, isNumber: true, order: ({ node }) => Date.parse(node.last_message ?? "") || 0 },
  { label: "Born", width: 150, order: ({ node }) => Date.parse(node.born ?? "") || 0 },
  { label: "Seq gaps", width: 90, isNumber: true, order: ({ node }) => node.counters.seq_gaps },
  { label: "Rebirths", width: 90, isNumber: true, order: ({ node }) => node.counters.rebirths_asked },
  { label: "Findings", width: 90, isNumber: true, order: ({ node }) => node.counters.findings },
];

/** @type {import("../long-table.js").Column<Seen>[]} */
const NARROW_COLUMNS = [
  { label: "Edge Node", width: 200, order: ({ node }) => node.edge_node },
  { label: "State", width: 130, order: ({ node }) => ORDER.indexOf(node.state) },
];

/** @param {Surroundings} around */
export function edgeNodesPage({ signal, query, go, session }) {
  const summary = el("p");
  const words = el("input", {
    type: "search",
    placeholder: "Filter by group or name",
    "aria-label": "Filter Edge Nodes",
    autocomplete: "off",
  });
  const which = query.get("shown") ?? "";
  const shown = el(
    "select",
    { "aria-label": "Shown", change: () => go(`/edge-nodes${shown.value && `?shown=${shown.value}`}`) },
    ...[...SHOWN].map(([value, [label]]) => el("option", { value, selected: value === which }, label)),
  );
  const form = el("form", { submit: (event) => event.preventDefault(), class: "together" }, shown, words);
  const more = el("p", { class: "soft" });
  const page = new Page("Edge Nodes", summary, form);
  page.element.classList.add("filled");
  const list = new LongTable(
    "Edge Nodes",
    NARROW.matches ? NARROW_COLUMNS : COLUMNS,
    ({ node }) => keyOf(node),
    NARROW.matches ? narrowCells : cells,
    ({ node }) => isAway(node),
  );
  list.element.classList.toggle("stacked", NARROW.matches);
  NARROW.addEventListener("change", () => go(location.pathname + location.search), { signal });
  const steps = el("div");
  const everything = card(more, list.element);
  page.element.append(steps, everything);
  const rates = new Rates();
  /** @type {Seen[]} */
  let known = [];

  const show = () => {
    const wanted = words.value.trim().toLowerCase();
    const [, isShown] = SHOWN.get(which) ?? ["", () => true];
    list.show(
      known.filter(({ node }) => isShown(node) && `${node.group} ${node.edge_node}`.toLowerCase().includes(wanted)),
    );
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
      if (signal.aborted) return;
      page.answered();
      const at = performance.now();
      known = all
        .map((node) => ({ node, perSecond: rates.take(keyOf(node), messagesOf(node), at) }))
        .sort((a, b) => ORDER.indexOf(a.node.state) - ORDER.indexOf(b.node.state));
      const online = all.filter((node) => !isAway(node)).length;
      summary.textContent = `${count(online)} of ${count(all.length)} online`;
      everything.hidden = all.length === 0;
      page.put(steps, all.length === 0, () => (all.length === 0 ? [card(firstSteps(session))] : []));
      show();
      const left = list.length === 0 ? "None of them is so." : "";
      if (more.textContent !== left) more.textContent = left;
    },
    page.refused,
  );
  return page.element;
}

/** @param {api.EdgeNode} node */
function keyOf({ group, edge_node: edgeNode }) {
  return `${group}/${edgeNode}`;
}

/** @param {api.EdgeNode} node */
function isAway({ state }) {
  return state !== "online" && state !== "reordering";
}

/** All that was counted from an Edge Node. @param {api.EdgeNode} node */
export function messagesOf({ counters }) {
  return counters.births + counters.data + counters.deaths;
}

/** @param {Seen} seen @returns {import("../long-table.js").Cell[]} */
function narrowCells({ node }) {
  const { group, edge_node: edgeNode } = node;
  const heard = node.last_message ? `heard ${age(node.last_message)} ago` : "never heard";
  return [
    [[group, edgeNode], () => stack(el("a", { href: edgeNodePage(group, edgeNode) }, name(edgeNode)), name(group))],
    [[node.state, heard], () => stack(state(node.state), heard)],
  ];
}

/** @param {Seen} seen @returns {import("../long-table.js").Cell[]} */
function cells({ node, perSecond }) {
  const { group, edge_node: edgeNode, counters } = node;
  const awake = node.devices.filter((device) => device.state === "online").length;
  const text = (/** @type {string} */ text) => /** @type {import("../long-table.js").Cell} */ ([text, () => text]);
  const odd = (/** @type {number} */ number) =>
    /** @type {import("../long-table.js").Cell} */ ([
      number,
      () => (number > 0 ? el("strong", {}, count(number)) : el("span", { class: "soft" }, "0")),
    ]);
  const devices = node.devices.length;
  return [
    [node.state, () => state(node.state)],
    [group, () => name(group)],
    [edgeNode, () => el("a", { href: edgeNodePage(group, edgeNode) }, name(edgeNode))],
    [
      [awake, devices],
      () => (devices === awake ? count(awake) : el("strong", {}, `${count(awake)} of ${count(devices)}`)),
    ],
    text(count(node.metrics_count)),
    text(rate(perSecond)),
    text(age(node.last_message)),
    [node.born, () => when(node.born, { otherwise: "never" })],
    odd(counters.seq_gaps),
    odd(counters.rebirths_asked),
    odd(counters.findings),
  ];
}
