//! One Edge Node: its state, its Devices, what it sent, what it breaks, and the buttons that ask for its births again, or have it
//! forgotten.
//!
//! Invariant: what is asked of the plant is asked once, by a button that says so.

import * as api from "../api.js";
import { clientPage, pageOf } from "../address.js";
import { confirmed } from "../dialog.js";
import { el, facts, fill, longText, name } from "../dom.js";
import { age, count, many, moment, rate, words } from "../format.js";
import { Rates } from "../figures.js";
import { findingLine, ruleLine } from "../finding.js";
import { mark, state } from "../marks.js";
import { card, Page, table } from "../page.js";
import { poll } from "../poll.js";
import { when } from "../when.js";
import { messagesOf } from "./edge-nodes.js";

/** @typedef {import("../page.js").Surroundings} Surroundings */

const EVERY = 1500;
const CONFORMANCE_EVERY = 10_000;
const VERDICTS = new Map([
  ["violated", ["triangle", "Violated", "loud bad"]],
  ["observed", ["disc", "Observed", ""]],
  ["not_observed", ["ring", "Not observed", ""]],
  ["not_visible", ["square", "Not visible", ""]],
]);

/** @param {Surroundings} around @param {string} group @param {string} edgeNode */
export function edgeNodePage({ signal, session }, group, edgeNode) {
  const said = el("span", { role: "status" });
  const rebirth = el("button", { type: "button", click: () => void ask(group, edgeNode, said) }, "Ask for a rebirth…");
  const forget = el("button", { type: "button", click: () => void leave(group, edgeNode, said) }, "Forget…");
  const page = new Page(
    "Edge Node",
    el("p", {}, name(`${group} / ${edgeNode}`)),
    el(
      "div",
      { class: "together" },
      said,
      session.mayManage("config", "admin") ? forget : null,
      session.mayCommand() ? rebirth : null,
    ),
  );
  const about = el("div");
  const numbers = el("div");
  const devices = table("Devices", ["State", "Device", "Since", "#Metrics"]);
  const report = el("div");
  const metrics = el("div");
  const unknown = el("div");
  const known = el("div", { class: "page-part" });
  page.element.append(unknown, known);
  // Nothing is asked of one that is not known to be there.
  rebirth.disabled = true;
  forget.disabled = true;
  known.append(
    el(
      "div",
      { class: "columns" },
      card(el("h2", {}, "State"), about),
      card(el("h2", {}, "Since Factree was started"), numbers),
    ),
    card(el("h2", {}, "Devices"), devices.element),
    card(el("h2", {}, "Conformance to Sparkplug"), report),
    card(
      el(
        "details",
        { toggle: (event) => event.target.open && void listMetrics(group, edgeNode, metrics) },
        el("summary", {}, "Metrics"),
        metrics,
      ),
    ),
  );
  const rates = new Rates();

  void poll(
    EVERY,
    signal,
    async () => {
      const node = await api.ifThere(api.edgeNode(group, edgeNode));
      page.answered();
      known.hidden = node === null;
      page.put(unknown, node === null, () => (node === null ? [nobody()] : []));
      if (node === null) {
        rebirth.disabled = true;
        forget.disabled = true;
        return;
      }
      forget.disabled = node.state === "online" || node.state === "reordering";
      rebirth.disabled = node.state === "offline" || node.state === "restored";
      const perSecond = rates.take("", messagesOf(node), performance.now());
      fill(about, stateOf(node));
      fill(numbers, countersOf(node, perSecond));
      page.put(
        devices.body,
        node.devices.map((device) => [device.device, device.state, device.metrics_count, device.path]),
        () =>
          node.devices.length === 0
            ? [el("tr", {}, el("td", { class: "soft", colspan: 4 }, "none"))]
            : node.devices.map(deviceRow),
      );
    },
    page.refused,
  );
  void poll(
    CONFORMANCE_EVERY,
    signal,
    async () => {
      const conformance = await api.ifThere(api.conformance(group, edgeNode));
      if (conformance === null) return;
      page.put(
        report,
        [conformance.summary, conformance.rules.map((rule) => [rule.verdict, rule.findings?.length])],
        () => reportOf(conformance),
      );
    },
    page.refused,
  );
  return page.element;
}

function nobody() {
  return card(
    el("h2", {}, "No such Edge Node"),
    el(
      "p",
      {},
      "No Edge Node of this group and name has been heard of since this data directory was begun. When it is born, it is here.",
    ),
    el("p", {}, el("a", { href: "/edge-nodes" }, "All Edge Nodes")),
  );
}

/** @param {api.EdgeNode} node */
function stateOf(node) {
  const asked = node.rebirth;
  return facts([
    ["State", [state(node.state), node.held ? ` ${count(node.held)} messages wait for one that is missing` : ""]],
    ["Since", [when(node.since), `, ${age(node.since)} ago`]],
    ["Last message", node.last_message ? [when(node.last_message), `, ${age(node.last_message)} ago`] : "none"],
    ["Born", when(node.born, { isFull: true, otherwise: "no Birth has been seen" })],
    ["bdSeq", node.bd_seq ?? null],
    ["Next seq", node.next_seq ?? null],
    ["In the tree at", node.path === undefined ? "nowhere" : el("a", { href: pageOf(node.path) }, name(node.path))],
    [
      "MQTT client",
      node.client_id === undefined ? null : el("a", { href: clientPage(node.client_id) }, name(node.client_id)),
    ],
    ["Heard over", node.link === undefined ? null : name(node.link)],
    ["Last asked for a rebirth", asked ? [when(asked.asked), `, ${words(asked.reason)}`] : "never"],
  ]);
}

/** @param {api.EdgeNode} node @param {number | null} perSecond */
function countersOf({ counters, metrics_count: metrics }, perSecond) {
  const reasons = Object.entries(counters.rebirths)
    .map(([reason, number]) => `${words(reason)} ${count(number)}`)
    .join(", ");
  return facts([
    ["Messages /s", rate(perSecond)],
    ["Metrics", count(metrics)],
    ["Births", count(counters.births)],
    ["Data", count(counters.data)],
    ["Deaths", count(counters.deaths)],
    ["Seq gaps", count(counters.seq_gaps)],
    ["Too late or twice", count(counters.seq_late)],
    ["Held for order", count(counters.held)],
    ["Did not decode", count(counters.malformed)],
    ["Ignored, displaced", counters.displaced > 0 ? count(counters.displaced) : null],
    ["Rebirths asked", reasons ? `${count(counters.rebirths_asked)}: ${reasons}` : count(counters.rebirths_asked)],
    ["Findings", count(counters.findings)],
  ]);
}

/** @param {api.Device} device */
function deviceRow(device) {
  return el(
    "tr",
    { class: device.state === "online" ? null : "grave" },
    el("td", {}, state(device.state)),
    el(
      "td",
      { class: "name" },
      device.path === undefined ? name(device.device) : el("a", { href: pageOf(device.path) }, name(device.device)),
    ),
    el("td", { class: "nowrap" }, when(device.since)),
    el("td", { class: "num" }, count(device.metrics_count)),
  );
}

/** @param {api.Conformance} conformance */
function reportOf({ summary, rules, since }) {
  const heads = el(
    "p",
    { class: "soft" },
    `Since ${moment(since)}: ${many(summary.violated, "rule")} violated, ${count(summary.must_violated)} of them a MUST; ` +
      `${count(summary.observed)} observed, ${count(summary.not_observed)} not observed yet, ${count(summary.not_visible)} not visible from here.`,
  );
  const groups = [...VERDICTS].map(([verdict, [form, word, loudness]]) => {
    const of = rules.filter((rule) => rule.verdict === verdict && !rule.same_as);
    if (of.length === 0) return null;
    const lines = of.map((rule) =>
      rule.findings?.length || rule.reason
        ? ruleLine(
            rule,
            rule.findings?.length ? many(rule.findings.length, "entry", "entries") : "",
            el(
              "ul",
              { class: "tried" },
              ...(rule.findings ?? []).map(findingLine),
              ...(rule.reason ? [el("li", {}, rule.reason)] : []),
            ),
          )
        : ruleLine(rule, ""),
    );
    return el(
      "details",
      { open: verdict === "violated" },
      el("summary", {}, mark(form, word, loudness), ` ${count(of.length)}`),
      ...lines,
    );
  });
  return [heads, ...groups];
}

/** @param {string} group @param {string} edgeNode @param {HTMLElement} into */
async function listMetrics(group, edgeNode, into) {
  const { metrics = [], next_cursor: next } = await api.edgeNode(group, edgeNode, { metrics: "true", limit: 1000 });
  const list = table("Metrics", ["Device", "Metric", "#Alias", "Datatype"]);
  list.body.append(
    ...metrics.map((metric) =>
      el(
        "tr",
        {},
        el("td", {}, metric.device === undefined ? "" : name(metric.device)),
        el(
          "td",
          { class: "name" },
          metric.path === undefined
            ? longText(metric.name, 120)
            : el("a", { href: pageOf(metric.path) }, name(metric.name)),
        ),
        el("td", { class: "num" }, metric.metric_alias ?? ""),
        el("td", {}, metric.datatype),
      ),
    ),
  );
  fill(into, list.element, next ? el("p", { class: "soft" }, "The first thousand; the Namespace has them all.") : null);
}

/** @param {string} group @param {string} edgeNode @param {HTMLElement} said */
async function ask(group, edgeNode, said) {
  const question = {
    title: "Ask for a rebirth?",
    act: "Ask",
    asksReason: true,
    body: [
      el(
        "p",
        {},
        name(`${group} / ${edgeNode}`),
        " is asked to publish all its births again. It goes on with its data meanwhile.",
      ),
    ],
  };
  const asked = await confirmed(question, (reason) => api.rebirth(group, edgeNode, reason));
  if (asked) fill(said, mark("dot", "Asked"), ` at ${moment(asked.done.asked)}`);
}

/** @param {string} group @param {string} edgeNode @param {HTMLElement} said */
async function leave(group, edgeNode, said) {
  const question = {
    title: "Forget this Edge Node?",
    act: "Forget",
    isGrave: true,
    asksReason: true,
    body: [
      el(
        "p",
        {},
        name(`${group} / ${edgeNode}`),
        " leaves the tree with its Devices: their last values, births and findings are deleted. Should it be born again, it is new.",
      ),
    ],
  };
  if (await confirmed(question, (reason) => api.forget(group, edgeNode, reason)))
    fill(said, mark("dot", "Forgotten"), ` at ${moment(api.serverNow())}`);
}
