//! Unplaced and conflicts: what stands beside the tree, why, and the rule that would place it.
//!
//! Why is the server's own explanation by the rules in force; the rule is a proposal, made of how the ids are built, that
//! can be changed and tried.
//! Invariant: nothing here changes the configuration.

import { mayRead } from "../access-api.js";
import * as api from "../api.js";
import { edgeNodePage, pageOf, parentOf } from "../address.js";
import { clipped, el, fill, name, visible } from "../dom.js";
import { count, words } from "../format.js";
import { mark } from "../marks.js";
import { card, Page } from "../page.js";
import { poll } from "../poll.js";
import { trialForm } from "../trial.js";

/** @typedef {import("../page.js").Surroundings} Surroundings */

const EVERY = 5000;
const SHOWN_MAX = 200;
/** @param {Surroundings} around */
export function unplacedPage({ signal, session }) {
  const page = new Page("Unplaced and conflicts");
  const unplaced = el("div");
  const conflicts = el("div");
  page.element.append(
    card(el("h2", {}, "Unplaced: no rule says where they belong"), unplaced),
    card(el("h2", {}, "Conflicts: two sources want one path, and the first owns it"), conflicts),
  );

  void poll(
    EVERY,
    signal,
    async () => {
      const isKnown = Boolean(session.me?.login_required);
      const sees = (/** @type {string} */ below) => (isKnown ? mayRead(`${below}/#`) : true);
      const [nodes, disputed, seesUnplaced, seesConflicts] = await Promise.all([
        unplacedEdgeNodes(),
        disputes(),
        sees("_unplaced"),
        sees("_conflicts"),
      ]);
      page.answered();
      page.put(
        unplaced,
        [seesUnplaced, nodes.map(({ group, edgeNode, reason }) => [group, edgeNode, reason])],
        () =>
          nodes.length === 0
            ? [none(seesUnplaced, "Everything that was born has a place.", "_unplaced")]
            : [...nodes.slice(0, SHOWN_MAX).map(unplacedLine), rest(nodes.length)],
      );
      page.put(
        conflicts,
        [seesConflicts, disputed.map(({ path, conflict }) => [path, conflict])],
        () =>
          disputed.length === 0
            ? [none(seesConflicts, "Every path has one source.", "_conflicts")]
            : [...disputed.slice(0, SHOWN_MAX).map(conflictLine), rest(disputed.length)],
      );
    },
    page.refused,
  );
  return page.element;
}

/** Nothing is there, or nothing that this one sees. @param {boolean} sees @param {string} words @param {string} below */
function none(sees, words, below) {
  return sees
    ? el("p", { class: "empty" }, mark("disc", "None"), ` ${words}`)
    : el(
        "p",
        { class: "empty" },
        "Not all of it is shown to you: that takes a role with ",
        el("code", {}, `read tree:${below}/#`),
        ".",
      );
}

/** @param {number} number */
function rest(number) {
  return number > SHOWN_MAX
    ? el("p", { class: "soft" }, `and ${count(number - SHOWN_MAX)} more; the Namespace has them all`)
    : null;
}

/** Edge Nodes below `_unplaced/{group}`. */
async function unplacedEdgeNodes() {
  const root = await api.ifThere(api.element("_unplaced", { depth: 2, limit: 1000 }));
  return (root?.children ?? []).flatMap((group) =>
    (group.children ?? []).map((node) => ({
      group: group.name ?? "",
      edgeNode: node.name ?? "",
      path: node.path ?? "",
      reason: node.reason,
    })),
  );
}

/** Elements below `_conflicts` that dispute a path. */
async function disputes() {
  const root = await api.ifThere(api.element("_conflicts", { depth: 24, limit: 1000 }));
  /** @type {api.Element[]} */
  const found = [];
  const waiting = root ? [root] : [];
  for (let element = waiting.pop(); element; element = waiting.pop()) {
    if (element.conflict !== undefined) found.push(element);
    waiting.push(...(element.children ?? []).toReversed());
  }
  return found;
}

/** @param {{ group: string, edgeNode: string, path: string, reason?: string }} node */
function unplacedLine({ group, edgeNode, path, reason }) {
  const told = el("div", {}, el("p", { class: "soft" }, "Asking"));
  return el(
    "details",
    {
      class: "rule",
      toggle: (event) => {
        if (event.target.open) void explain(`spBv1.0/${group}/NDATA/${edgeNode}`, told, group);
      },
    },
    el(
      "summary",
      {},
      mark("diamond", "Unplaced", "loud doubt"),
      el("span", { class: "what" }, name(`${group} / ${edgeNode}`)),
      el("span"),
      reason ? el("span", { class: "id" }, clipped(reason, 300)) : null,
    ),
    el(
      "p",
      { class: "links" },
      el("a", { href: pageOf(path) }, "In the tree"),
      el("a", { href: edgeNodePage(group, edgeNode) }, "Edge Node"),
    ),
    told,
  );
}

/** @param {api.Element} element */
function conflictLine(element) {
  const { path = "", conflict = "", conflict_owner: owner } = element;
  const told = el("div", {}, el("p", { class: "soft" }, "Asking"));
  const source = element.sample?.source;
  return el(
    "details",
    {
      class: "rule",
      toggle: (event) => {
        if (event.target.open) void both(source, owner, told);
      },
    },
    el(
      "summary",
      {},
      mark("diamond", "Conflict", "loud doubt"),
      el("span", { class: "what" }, name(conflict)),
      el("span"),
      el(
        "span",
        { class: "id" },
        "wanted by ",
        name(source ? who(source) : parentOf(path)),
        owner ? ", belongs to " : "",
        owner ? name(who(owner)) : "",
      ),
    ),
    el(
      "p",
      { class: "links" },
      el("a", { href: pageOf(conflict) }, "The owner's in the tree"),
      el("a", { href: pageOf(path) }, "This one in the tree"),
    ),
    told,
  );
}

/** @param {api.Source} source */
function who(source) {
  if (source.type === "mqtt") return `the topic ${source.topic}`;
  return [source.group, source.edge_node, source.device].filter((part) => part !== undefined).join(" / ");
}

/** @param {api.Source} source */
function topicOf(source) {
  if (source.type === "mqtt") return source.topic;
  return source.device === undefined
    ? `spBv1.0/${source.group}/NDATA/${source.edge_node}`
    : `spBv1.0/${source.group}/DDATA/${source.edge_node}/${source.device}`;
}

/** What placement says of both sides of a conflict. @param {api.Source | undefined} source @param {api.Source | undefined} owner @param {HTMLElement} into */
async function both(source, owner, into) {
  const [its, owners] = [el("div"), el("div")];
  fill(
    into,
    source ? el("h3", {}, "It") : null,
    its,
    owner ? el("h3", {}, "The owner") : null,
    owners,
    el(
      "p",
      { class: "soft" },
      "Let the two sources name different things, or write a rule that puts one of them elsewhere.",
    ),
  );
  if (source) await explain(topicOf(source), its, null);
  if (owner) await explain(topicOf(owner), owners, null);
}

/** @param {string} topic @param {HTMLElement} into @param {string | null} group a rule for which is to be
 *   found */
async function explain(topic, into, group) {
  try {
    const told = await api.placement(topic);
    const tried = told.tried.map((each) =>
      el(
        "li",
        {},
        each.rule ? `Rule ${each.rule} ` : "The default ",
        each.template ? el("code", {}, visible(each.template)) : null,
        each.matched ? " matches." : `: ${each.why ?? "does not match"}`,
      ),
    );
    const placed =
      told.placed_by === "nothing"
        ? "No rule places it."
        : `Placed by ${told.placed_by === "rule" ? `rule ${told.rule}` : "the default"}${told.path ? " at " : ""}`;
    fill(
      into,
      el(
        "p",
        {},
        placed,
        told.path && told.placed_by !== "nothing" ? el("a", { href: pageOf(told.path) }, name(told.path)) : null,
      ),
      tried.length > 0 ? el("ul", { class: "tried" }, ...tried) : null,
      group === null ? null : trialForm(group, told.tried.filter(({ rule }) => rule !== undefined).length),
    );
  } catch (error) {
    fill(into, el("p", { class: "refused" }, error instanceof Error ? error.message : words(String(error))));
  }
}
