//! Findings as lines, wherever they are shown.
//!
//! Invariant: what the plant said is shown as text of the plant, and what the rule says as ours.

import { clientPage, edgeNodePage } from "./address.js";
import { el, facts, longText, name } from "./dom.js";
import { many, plain } from "./format.js";
import { when } from "./when.js";

/** @typedef {import("./api.js").Finding} Finding */

/** One finding, who and how often. @param {Finding} finding */
export function findingLine(finding) {
  const { group, edge_node: edgeNode, device, client_id: client, example } = finding;
  const of =
    group !== undefined && edgeNode !== undefined
      ? el("a", { href: edgeNodePage(group, edgeNode) }, name(`${group} / ${edgeNode}`))
      : el("span", { class: "soft" }, "no Edge Node that is known");
  return el(
    "li",
    {},
    facts([
      ["Edge Node", of],
      ["Device", device === undefined ? null : name(device)],
      ["Client", client === undefined ? null : el("a", { href: clientPage(client) }, name(client))],
      ["Seen", [`${many(finding.count, "time")}, `, when(finding.first), " to ", when(finding.last)]],
      ["First in", example?.occasion ? longText([example.occasion, example.topic].filter(Boolean).join(" on ")) : null],
      ["Metric", example?.metric === undefined ? null : longText(example.metric)],
      ["Expected", example?.expected === undefined ? null : longText(plain(example.expected))],
      ["Got", example?.got === undefined ? null : longText(plain(example.got))],
    ]),
  );
}

/**
 * A rule, unfolded to what stands below it.
 * @param {{ level: string, text: string, tck_id: string }} rule @param {string} tally
 * @param {...Node} below
 */
export function ruleLine({ level, text, tck_id: id }, tally, ...below) {
  return el(
    "details",
    { class: "rule", "data-rule": id },
    el(
      "summary",
      {},
      el("span", { class: "must" }, level),
      el("span", { class: "what" }, text),
      el("span", { class: "soft nowrap" }, tally),
      el("span", { class: "id" }, id),
    ),
    ...below,
  );
}
