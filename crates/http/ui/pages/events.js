//! Events: the rare things that happened since Factree was started, the newest first.
//!
//! Invariant: what is shown is what the server still remembers; that it forgets is said.

import * as api from "../api.js";
import { el, name } from "../dom.js";
import { many } from "../format.js";
import { eventMark, eventSubject, eventText, ofWhat } from "../event-line.js";
import { LongTable } from "../long-table.js";
import { card, NARROW, Page, stack } from "../page.js";
import { poll } from "../poll.js";
import { when } from "../when.js";

/** @typedef {import("../page.js").Surroundings} Surroundings */

const EVERY = 2000;
const LIMIT = 1000;
const SHOWN = new Map([
  ["", "Everything"],
  ["plant", "Edge Nodes and Devices"],
  ["clients", "Clients"],
  ["wrong", "What is wrong"],
]);

/** @type {import("../long-table.js").Column<api.PlantEvent>[]} */
const COLUMNS = [
  { label: "When", width: 96 },
  { label: "What", width: 136 },
  { label: "Of", width: 236 },
  { label: "In words", width: 220 },
];

/** @type {import("../long-table.js").Column<api.PlantEvent>[]} */
const NARROW_COLUMNS = [
  { label: "Of", width: 200 },
  { label: "What, when", width: 130 },
];

/** @param {Surroundings} around */
export function eventsPage({ signal, query, go }) {
  const which = query.get("of") ?? "";
  const shown = el(
    "select",
    { "aria-label": "Shown", change: () => go(`/events${shown.value && `?of=${shown.value}`}`) },
    ...[...SHOWN].map(([value, label]) => el("option", { value, selected: value === which }, label)),
  );
  const summary = el("p");
  const page = new Page("Events", summary, el("form", { submit: (event) => event.preventDefault() }, shown));
  page.element.classList.add("filled");
  const [columns, cellsOf] = NARROW.matches ? [NARROW_COLUMNS, narrowCells] : [COLUMNS, cells];
  const list = new LongTable("Events", columns, ({ number }) => String(number), cellsOf);
  list.element.classList.toggle("stacked", NARROW.matches);
  NARROW.addEventListener("change", () => go(location.pathname + location.search), { signal });
  page.element.append(card(list.element));

  void poll(
    EVERY,
    signal,
    async () => {
      const { events } = await api.events(LIMIT);
      if (signal.aborted) return;
      page.answered();
      const wanted = events.filter((event) => which === "" || ofWhat(event) === which);
      summary.textContent = `${many(wanted.length, "event")}; some hundred are remembered, until Factree is stopped`;
      list.show(wanted);
    },
    page.refused,
  );
  return page.element;
}

/** @param {api.PlantEvent} event @returns {import("../long-table.js").Cell[]} */
function narrowCells(event) {
  const { group } = event;
  return [
    [0, () => stack(eventSubject(event, { withGroup: false }), group === undefined ? eventText(event) : name(group))],
    [0, () => stack(eventMark(event), when(event.at))],
  ];
}

/** @param {api.PlantEvent} event @returns {import("../long-table.js").Cell[]} */
function cells(event) {
  return [
    [0, () => when(event.at)],
    [0, () => eventMark(event)],
    [0, () => eventSubject(event)],
    [0, () => eventText(event)],
  ];
}
