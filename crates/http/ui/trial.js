//! A placement rule that is tried before it is written down: its templates, and what it would do to all that is known.
//!
//! The server places everything anew by the rules in force and this one; nothing is changed by that. What it says is shown
//! gravest first: what would lose its place, what would move, what would have one.
//! Invariant: the rule that is copied is the rule that was tried.

import * as api from "./api.js";
import { pageOf } from "./address.js";
import { copyButton, el, fill, name, visible } from "./dom.js";
import { count, many } from "./format.js";
import { mark } from "./marks.js";

const SHOWN_MAX = 60;
/** Levels that the parts of a group id most often are, by how many parts there are. */
const PARTS = [[], ["site"], ["enterprise", "site"], ["enterprise", "site", "area"]];
const SEPARATORS = [":", "_", "-", "."];
const GRAVE = ["unplaced", "moved", "placed"];
/** @type {Map<string, [form: string, word: string, loudness: string]>} */
const BECOMES = new Map([
  ["unplaced", ["triangle", "Loses its place", "loud bad"]],
  ["moved", ["diamond", "Moves", "loud doubt"]],
  ["placed", ["disc", "Is placed", ""]],
]);

/** A rule for group ids that are built like this one. @param {string} group @returns {Record<string, string>} */
function proposal(group) {
  const separator = SEPARATORS.find((each) => group.includes(each)) ?? ":";
  const parts = group.split(separator);
  const levels = PARTS[Math.min(parts.length, PARTS.length - 1)];
  return {
    group: levels.map((level) => `{${level}}`).join(separator),
    node: "{work_center}",
    device: "{work_unit}",
  };
}

/** As it stands in the configuration. @param {Record<string, string>} rule */
function toml(rule) {
  const width = Math.max(...Object.keys(rule).map((key) => key.length));
  const lines = Object.entries(rule).map(([key, text]) => `${key.padEnd(width)} = ${JSON.stringify(text)}`);
  return ["[[namespace.sparkplug]]", ...lines].join("\n");
}

/** The form, for Edge Nodes of this group. @param {string} group @param {number} rules how many there are */
export function trialForm(group, rules) {
  const first = proposal(group);
  const fields = new Map(
    Object.entries(first).map(([key, value]) => [
      key,
      el("input", { type: "text", value, name: key, autocomplete: "off", spellcheck: "false", class: "mono" }),
    ]),
  );
  const at = el("input", { type: "number", min: 1, max: rules + 1, value: rules + 1, name: "at" });
  const text = el("pre");
  const said = el("div", { role: "status" });
  /** @returns {Record<string, string>} */
  const rule = () =>
    Object.fromEntries(
      [...fields].flatMap(([key, field]) => (field.value === "" && key !== "group" ? [] : [[key, field.value]])),
    );
  const show = () => {
    fill(text, lines(toml(rule())));
    fill(said);
  };
  const form = el(
    "form",
    {
      class: "trial",
      input: show,
      submit: (event) => {
        event.preventDefault();
        void attempt(rule(), at.valueAsNumber || undefined, said);
      },
    },
    ...[...fields].map(([key, field]) => el("label", {}, key, field)),
    rules > 0 ? el("label", {}, `as rule (1 to ${rules + 1})`, at) : null,
    el("button", { type: "submit", class: "main" }, "Try it"),
  );
  show();
  return el(
    "section",
    {},
    el("h3", {}, "A rule that would"),
    form,
    el(
      "div",
      { class: "proposal" },
      text,
      copyButton("Copy", () => toml(rule())),
    ),
    said,
    el(
      "p",
      { class: "soft" },
      "Trying changes nothing. Put the rule into factree.toml and have the file read again: ",
      el("code", {}, "kill -HUP"),
      ".",
    ),
  );
}

/** @param {Record<string, string>} rule @param {number | undefined} at @param {HTMLElement} said */
async function attempt(rule, at, said) {
  try {
    fill(said, ...outcome(await api.tryRule(rule, at)));
  } catch (error) {
    fill(said, el("p", { class: "refused" }, error instanceof Error ? visible(error.message) : String(error)));
  }
}

/** @param {api.Trial} trial */
function outcome(trial) {
  const { sources, placed, moved, unplaced, changes } = trial;
  const graveFirst = changes.toSorted((a, b) => GRAVE.indexOf(a.becomes) - GRAVE.indexOf(b.becomes));
  const left = placed + moved + unplaced - Math.min(changes.length, SHOWN_MAX);
  return [
    trial.ends_the_default
      ? el(
          "p",
          {},
          mark("triangle", "The first rule", "loud doubt"),
          " There are no rules yet: group ids are split at the colon by default, and the first rule ends that.",
        )
      : null,
    el(
      "p",
      {},
      `Of ${many(sources, "Edge Node or Device", "Edge Nodes and Devices")}: ${count(placed)} would have a place, ` +
        `${count(moved)} would move, ${count(unplaced)} would lose theirs.`,
    ),
    changes.length === 0
      ? null
      : el(
          "ul",
          { class: "tried" },
          ...graveFirst.slice(0, SHOWN_MAX).map(changeLine),
          left > 0 ? el("li", { class: "soft" }, `and ${count(left)} more`) : null,
        ),
  ];
}

/** @param {api.TrialChange} change */
function changeLine({ from, to, becomes }) {
  const [form, word, loudness] = BECOMES.get(becomes) ?? ["square", becomes, ""];
  return el(
    "li",
    { class: "together" },
    mark(form, word, loudness),
    el("a", { href: pageOf(from) }, name(from)),
    "to",
    el("strong", {}, name(to)),
  );
}

/** Line by line, so that its own line breaks stay. @param {string} rule */
function lines(rule) {
  return rule.split("\n").map(visible).join("\n");
}
