//! Findings: which rules of Sparkplug are broken, by whom, how often.
//!
//! One line for each rule, the gravest and most frequent first; unfolded, everybody who breaks it.
//! Invariant: what somebody has unfolded stays so when the list is read again.

import * as api from "../api.js";
import { el } from "../dom.js";
import { count, many } from "../format.js";
import { findingLine, ruleLine } from "../finding.js";
import { card, Page } from "../page.js";
import { poll } from "../poll.js";

/** @typedef {import("../page.js").Surroundings} Surroundings */

const EVERY = 3000;
/** Entries that are read at most. */
const ENTRIES_MAX = 5000;
const SHOWN_OF_A_RULE = 50;

/** @param {Surroundings} around */
export function findingsPage({ signal, query, go }) {
  const level = el(
    "select",
    { "aria-label": "Level", change: () => go(`/findings${level.value && `?level=${level.value}`}`) },
    ...[
      ["", "All rules"],
      ["must", "MUST"],
      ["should", "SHOULD"],
      ["may", "MAY"],
    ].map(([value, label]) => el("option", { value, selected: value === (query.get("level") ?? "") }, label)),
  );
  const summary = el("p");
  const page = new Page("Findings", summary, el("form", { submit: (event) => event.preventDefault() }, level));
  const list = el("div");
  page.element.append(card(list));

  void poll(
    EVERY,
    signal,
    async () => {
      const { all, entries, dropped } = await read(query.get("level") ?? undefined, signal);
      page.answered();
      const rules = byRule(all);
      const of = all.length < entries ? ` of ${count(entries)}` : "";
      const lost = dropped > 0 ? `; ${many(dropped, "entry", "entries")} made room for others` : "";
      summary.textContent = `${many(rules.length, "rule")} broken in ${many(all.length, "entry", "entries")}${of}${lost}`;
      const open = new Set([...list.querySelectorAll("details[open]")].map((it) => it.getAttribute("data-rule")));
      page.put(
        list,
        rules.map(({ rule, of, times }) => [rule, of.length, times]),
        () =>
          rules.length === 0
            ? [el("p", { class: "empty" }, "Nothing was found since Factree was started.")]
            : rules.map(({ of, times }) => {
                const more =
                  of.length > SHOWN_OF_A_RULE
                    ? [el("li", { class: "soft" }, `and ${count(of.length - SHOWN_OF_A_RULE)} more`)]
                    : [];
                const line = ruleLine(
                  of[0],
                  `${many(times, "time")}, ${many(of.length, "entry", "entries")}`,
                  el("ul", { class: "tried" }, ...of.slice(0, SHOWN_OF_A_RULE).map(findingLine), ...more),
                );
                line.open = open.has(of[0].tck_id);
                return line;
              }),
      );
    },
    page.refused,
  );
  return page.element;
}

/** @param {string | undefined} level @param {AbortSignal} signal */
async function read(level, signal) {
  /** @type {api.Finding[]} */
  const all = [];
  let entries = 0;
  let dropped = 0;
  /** @type {string | undefined} */
  let cursor;
  do {
    const page = await api.findings({ level, limit: 1000, cursor });
    all.push(...page.findings);
    ({ entries, dropped, next_cursor: cursor } = page);
  } while (cursor !== undefined && all.length < ENTRIES_MAX && !signal.aborted);
  return { all, entries, dropped };
}

/** @param {api.Finding[]} findings */
function byRule(findings) {
  /** @type {Map<string, api.Finding[]>} */
  const rules = new Map();
  for (const finding of findings) {
    const of = rules.get(finding.tck_id);
    if (of) of.push(finding);
    else rules.set(finding.tck_id, [finding]);
  }
  const grave = (/** @type {string} */ level) => (level.startsWith("MUST") ? 0 : level.startsWith("SHOULD") ? 1 : 2);
  return [...rules]
    .map(([rule, of]) => ({ rule, of, times: of.reduce((sum, finding) => sum + finding.count, 0) }))
    .sort((a, b) => grave(a.of[0].level) - grave(b.of[0].level) || b.times - a.times);
}
