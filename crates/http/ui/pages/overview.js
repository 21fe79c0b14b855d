//! The plant at a glance: is everything there, is it moving, and what wants somebody's attention.
//!
//! Invariant: what is as it should be is said in one line; what is not comes with the way to it.

import * as api from "../api.js";
import { edgeNodePage } from "../address.js";
import { el, fill, name, svg } from "../dom.js";
import { bytes, count, duration, many, moment, rate } from "../format.js";
import { eventMark, eventSubject, ofWhat } from "../event-line.js";
import { Figures } from "../figures.js";
import { mark, state } from "../marks.js";
import { card, Page } from "../page.js";
import { poll } from "../poll.js";
import { when } from "../when.js";

/** @typedef {import("../page.js").Surroundings} Surroundings */

const EVERY = 2000;
/** Points of a spark line: five minutes. */
const SPARK = 150;
/** Fewer say nothing yet. */
const SPARK_MIN = 5;
const LISTED = 8;
/** Events that are read for these; and how long after each other, in milliseconds, alike ones are told as one. */
const READ = 400;
const TOGETHER = 5000;
const PROMISES = new Map([
  ["power", "What is acknowledged survives a power cut"],
  ["process", "What is acknowledged survives a crash of Factree"],
  ["memory", "Nothing survives a restart"],
]);

const figures = new Figures();
/** @type {Map<string, number[]>} they go on while another page is shown */
const sparks = new Map();

/** @param {Surroundings} around */
export function overviewPage({ signal }) {
  const page = new Page("Overview");
  const tiles = el("div", { class: "tiles" });
  const attention = el("ul", { class: "attention" });
  const recent = el("ul", { class: "attention" });
  const attachments = el("div");
  page.element.append(
    tiles,
    el(
      "div",
      { class: "columns" },
      card(el("h2", {}, "Wants attention"), attention),
      card(
        el("div", { class: "spread" }, el("h2", {}, "What happened last"), el("a", { href: "/events" }, "All of it")),
        recent,
      ),
    ),
    attachments,
    el("p", { class: "soft" }, "For programs: ", el("a", { href: "/docs" }, "this server's API"), "."),
  );

  void poll(
    EVERY,
    signal,
    async () => {
      const [text, ready, nodes, found, root, attached, happened] = await Promise.all([
        api.ifMay(api.metrics()),
        api.readiness().catch(() => null),
        api.ifMay(api.edgeNodes({ online: "false", limit: LISTED })),
        api.ifMay(api.findings({ limit: 1, level: "must" })),
        api.element("", { depth: 1, limit: 1000 }),
        api.ifMay(api.attachments()),
        api.ifMay(api.events(READ)),
      ]);
      if (text !== null) figures.take(text, performance.now());
      page.answered();
      fill(tiles, ...(text === null ? [] : tilesOf(ready)));
      const wants = attentionOf(nodes?.edge_nodes ?? [], found?.findings ?? [], root, ready);
      page.put(
        attention,
        wants.map(({ key }) => key),
        () =>
          wants.length > 0
            ? wants.map(({ line }) => line)
            : [
                el(
                  "li",
                  {},
                  mark("disc", "Nothing"),
                  el(
                    "span",
                    { class: "soft" },
                    nodes === null
                      ? "As far as you may see."
                      : "Every Edge Node that is known is online, and no rule is broken.",
                  ),
                ),
              ],
      );
      const last = lastOf(happened?.events ?? []);
      page.put(
        recent,
        last.map(({ event, more }) => [event.number, more]),
        () => (last.length === 0 ? [el("li", { class: "soft" }, "Nothing yet.")] : last.map(eventLine)),
      );
      page.put(attachments, attached, () => attachmentsOf(attached?.attachments ?? []));
    },
    page.refused,
  );
  return page.element;
}

/** @param {{ status: string, durability: string, disk: string } | null} ready */
function tilesOf(ready) {
  const received = figures.rate("factree_publishes_received_total");
  const sent = figures.rate("factree_deliveries_sent_total");
  const { known, online } = edgeNodesNow();
  const elsewhere = known - online;
  const conflicts = figures.sum("factree_tree_conflicts");
  const sessions = new Map(figures.each("factree_sessions"));
  const absent = sessions.get("absent") ?? 0;
  const isFull = ready?.disk === "full";
  return [
    tile(
      "Edge Nodes online",
      [count(online), el("small", {}, ` of ${count(known)}`)],
      elsewhere > 0 ? `${count(elsewhere)} not online` : "all that are known",
    ),
    tile(
      "Messages in",
      [rate(received), el("small", {}, " /s")],
      bytesPerSecond("factree_received_bytes_total"),
      spark("in", received),
    ),
    tile("Messages out", [rate(sent), el("small", {}, " /s")], lost(), spark("out", sent)),
    tile(
      "Clients",
      [count(sessions.get("connected") ?? 0), el("small", {}, " connected")],
      absent > 0 ? `${count(absent)} sessions kept for absent ones` : "no session kept for absent ones",
    ),
    tile(
      "Elements",
      [count(figures.sum("factree_tree_elements"))],
      conflicts > 0 ? `${count(conflicts)} under _conflicts` : "no conflicts",
    ),
    tile(
      "Storage",
      [isFull ? "Full" : (ready?.durability ?? "–")],
      isFull ? "QoS 1 and 2 are refused until there is room" : (PROMISES.get(ready?.durability ?? "") ?? ""),
    ),
    tile(
      "Health",
      [ready?.status === "ready" ? "Ready" : (ready?.status ?? "Not ready")],
      `up ${duration(figures.sum("factree_uptime_seconds") * 1000)}, ${bytes(figures.sum("process_resident_memory_bytes"))} of memory`,
    ),
    tile(
      "Streams",
      [count(figures.sum("factree_streams"))],
      `${many(figures.sum("factree_stream_web_sockets"), "WebSocket")}, ${many(figures.sum("factree_subscriptions"), "MQTT subscription")}`,
    ),
  ];
}

function edgeNodesNow() {
  const states = new Map(figures.each("factree_edge_nodes"));
  const online = (states.get("online") ?? 0) + (states.get("reordering") ?? 0);
  return { known: figures.sum("factree_edge_nodes"), online };
}

/**
 * The last events, those of one kind that came together as one; clients that come and go are left to their page.
 * @param {api.PlantEvent[]} events newest first
 */
function lastOf(events) {
  /** @type {{ event: api.PlantEvent, more: number }[]} */
  const last = [];
  for (const event of events) {
    if (ofWhat(event) === "clients" && event.kind !== "client_refused") continue;
    const before = last.at(-1);
    const isAlike = before?.event.kind === event.kind;
    const isSame = isAlike && before.event.edge_node === event.edge_node && before.event.group === event.group;
    const isTogether = isAlike && Date.parse(before.event.at) - Date.parse(event.at) < TOGETHER;
    if (before && (isSame || isTogether)) before.more += 1;
    else if (last.length === LISTED) break;
    else last.push({ event, more: 0 });
  }
  return last;
}

/** @param {{ event: api.PlantEvent, more: number }} told */
function eventLine({ event, more }) {
  return el(
    "li",
    {},
    eventMark(event),
    eventSubject(event),
    more > 0 ? el("a", { href: "/events", class: "soft" }, `and ${count(more)} more`) : null,
    el("span", { class: "soft nowrap" }, when(event.at)),
  );
}

/** @param {string} label @param {(Node | string)[]} figure @param {string} note @param {Node} [below] */
function tile(label, figure, note, below) {
  return el(
    "section",
    { class: "card tile" },
    el("h2", { class: "label" }, label),
    el("p", { class: "figure" }, ...figure),
    el("p", { class: "note" }, note),
    below,
  );
}

/** @param {string} counter */
function bytesPerSecond(counter) {
  const perSecond = figures.rate(counter);
  return perSecond === null ? "" : `${bytes(perSecond)}/s`;
}

function lost() {
  const dropped = figures.sum("factree_deliveries_dropped_total");
  return dropped > 0 ? `${count(dropped)} lost by policy since the start` : "none lost";
}

/** @param {string} key @param {number | null} value */
function spark(key, value) {
  const points = sparks.get(key) ?? [];
  if (value !== null) points.push(value);
  if (points.length > SPARK) points.shift();
  sparks.set(key, points);
  const most = Math.max(1, ...points);
  const path = (points.length < SPARK_MIN ? [] : points)
    .map(
      (point, at) =>
        `${at === 0 ? "M" : "L"}${(100 - ((points.length - 1 - at) * 100) / Math.max(points.length - 1, 14)).toFixed(1)} ${(25 - (point / most) * 23).toFixed(1)}`,
    )
    .join("");
  return svg(
    "svg",
    { class: "spark", viewBox: "0 0 100 26", preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("path", { d: path }),
  );
}

/**
 * @param {api.EdgeNode[]} away some of those that are not online @param {api.Finding[]} found
 * @param {api.Element} root
 * @param {{ disk: string } | null} ready
 */
function attentionOf(away, found, root, ready) {
  /** @type {{ key: unknown, line: Node }[]} */
  const lines = [];
  /** @param {unknown} key @param {...(Node | string)} children */
  const add = (key, ...children) => lines.push({ key, line: el("li", {}, ...children) });
  if (ready?.disk === "full")
    add("full", mark("triangle", "Disk full", "loud bad"), "QoS 1 and 2 publications are refused.");
  for (const node of away) {
    add(
      [node.group, node.edge_node, node.state, moment(node.since)],
      state(node.state),
      el("a", { href: edgeNodePage(node.group, node.edge_node) }, name(`${node.group} / ${node.edge_node}`)),
      el("span", { class: "soft nowrap" }, "since ", when(node.since)),
    );
  }
  const { known, online } = edgeNodesNow();
  const more = known - online - away.length;
  if (away.length === LISTED && more > 0)
    add(more, el("a", { href: "/edge-nodes?shown=away" }, `${count(more)} more Edge Nodes are not online`));
  if (found.length > 0) {
    add(
      "findings",
      mark("triangle", "Findings", "loud doubt"),
      el("a", { href: "/findings?level=must" }, "What Sparkplug says MUST be is not so"),
    );
  }
  for (const [at, words] of [
    ["_unplaced", "under _unplaced: no rule says where they belong"],
    ["_conflicts", "under _conflicts: two sources want one path"],
  ]) {
    const there = root.children?.find((child) => child.path === at);
    if (there)
      add(
        [at, there.children_count],
        mark("diamond", at === "_unplaced" ? "Unplaced" : "Conflicts", "loud doubt"),
        el("a", { href: "/unplaced" }, `${count(there.children_count)} ${words}`),
      );
  }
  const dropped = figures.rate("factree_deliveries_dropped_total");
  if (dropped)
    add(
      "dropped",
      mark("bars", "Losing", "loud doubt"),
      el("a", { href: "/clients" }, "Deliveries are being lost to clients that do not keep up"),
    );
  return lines;
}

/** @param {api.Attachment[]} attachments */
function attachmentsOf(attachments) {
  if (attachments.length === 0) return [];
  return [
    card(
      el("h2", {}, "Attached brokers"),
      el(
        "ul",
        { class: "attention" },
        ...attachments.map((it) =>
          el(
            "li",
            {},
            state(it.state),
            el("strong", {}, name(it.name)),
            el("span", { class: "mono" }, name(it.url)),
            it.last_error
              ? el("span", { class: "soft" }, name(`${moment(it.last_error.at)} ${it.last_error.text}`))
              : null,
            el("span", { class: "soft nowrap" }, `${count(it.counters.messages ?? 0)} messages`),
          ),
        ),
      ),
    ),
  ];
}
