//! The plant at a glance: is everything there, is it moving, and what wants somebody's attention.
//!
//! Invariant: what is as it should be is said in one line; what is not comes with the way to it.

import * as api from "../api.js";
import { edgeNodePage } from "../address.js";
import { el, fill, name, svg } from "../dom.js";
import { bytes, count, duration, many, moment, rate } from "../format.js";
import { eventMark, eventSubject, ofWhat } from "../event-line.js";
import { Rates } from "../figures.js";
import { firstSteps } from "../first-steps.js";
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

const rates = new Rates();
/** @type {Map<string, number[]>} they go on while another page is shown */
const sparks = new Map();

/** @typedef {{ told: api.Overview | null, findings: api.Finding[] | null, root: api.Element, attached: api.Attachment[] }} Seen
 *   what there is to see, as far as somebody may */

/** @param {Surroundings} around */
export function overviewPage({ signal, session }) {
  const page = new Page("Overview");
  const tiles = el("div", { class: "tiles" });
  const hidden = el("div");
  const steps = el("div");
  const attention = el("ul", { class: "attention" });
  const recent = el("ul", { class: "attention" });
  const attachments = el("div");
  page.element.append(
    tiles,
    hidden,
    steps,
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
      const [told, found, root, attached, happened] = await Promise.all([
        api.ifMay(api.overview()),
        api.ifMay(api.findings({ limit: 1, level: "must" })),
        api.element("", { depth: 1, limit: 1000 }),
        session.mayManage("config", "read") ? api.ifMay(api.attachments()) : null,
        api.ifMay(api.events(READ)),
      ]);
      page.answered();
      const seen = { told, findings: found?.findings ?? null, root, attached: attached?.attachments ?? [] };
      fill(tiles, ...tilesOf(told));
      page.put(hidden, told && (told.withheld ?? {}), () => [withheld(told)]);
      const isEmpty = root.children_count === 0 && (told?.plant?.edge_nodes.known ?? 0) === 0;
      page.put(steps, isEmpty, () => (isEmpty ? [card(firstSteps(session))] : []));
      const wants = attentionOf(seen, session);
      page.put(
        attention,
        [told === null, wants.map(({ key }) => key)],
        () => (wants.length > 0 ? wants.map(({ line }) => line) : [nothing(seen)]),
      );
      const last = lastOf(happened?.events ?? []);
      page.put(
        recent,
        [happened === null, last.map(({ event, more }) => [event.number, more])],
        () => {
          if (happened === null) return [notForYou("What happened", "read area:conformance")];
          return last.length === 0 ? [el("li", { class: "soft" }, "Nothing yet.")] : last.map(eventLine);
        },
      );
      page.put(attachments, seen.attached, () => attachmentsOf(seen.attached));
    },
    page.refused,
  );
  return page.element;
}

/** What is not shown, and what that takes. @param {api.Overview | null} told */
function withheld(told) {
  const grants = new Set(told === null ? ["read area:conformance"] : Object.values(told.withheld ?? {}));
  if (grants.size === 0) return null;
  const which = [...grants].flatMap((grant, at) => [at > 0 ? ", " : "", el("code", {}, grant)]);
  return el("p", { class: "soft" }, "Some of this page is not shown: it takes a role with ", ...which, ".");
}

/** @param {string} what @param {string} grant */
function notForYou(what, grant) {
  return el("li", { class: "soft" }, `${what} is not shown to you: it takes a role with `, el("code", {}, grant), ".");
}

/** @param {Seen} seen */
function nothing({ told, findings }) {
  if (!told?.plant) return notForYou("Whether anything does", "read area:conformance");
  const isAll = told.withheld === undefined && findings !== null;
  const quiet = "Every Edge Node and Device that is known is online, and no rule is broken.";
  return el("li", {}, mark("disc", "Nothing"), el("span", { class: "soft" }, isAll ? quiet : "As far as you may see."));
}

/** @param {api.Overview | null} told */
function tilesOf(told) {
  if (told === null) return [];
  const { server, storage, messages, clients, plant } = told;
  const now = performance.now();
  const perSecond = (/** @type {string} */ key, /** @type {number} */ number) => rates.take(key, number, now);
  const tiles = [];
  if (plant) {
    const { known, online } = plant.edge_nodes;
    const away = [
      known > online ? `${count(known - online)} not online` : "",
      plant.devices_away > 0 ? `${many(plant.devices_away, "Device")} not online` : "",
    ].filter(Boolean);
    tiles.push(
      tile(
        "Edge Nodes online",
        [count(online), el("small", {}, ` of ${count(known)}`)],
        away.join(", ") || (known > 0 ? "all that are known" : "none is known yet"),
      ),
    );
  }
  if (messages) {
    const [received, sent] = [perSecond("in", messages.received), perSecond("out", messages.sent)];
    const lost = messages.dropped > 0 ? `${count(messages.dropped)} lost by policy since the start` : "none lost";
    tiles.push(
      tile(
        "Messages in",
        [rate(received), el("small", {}, " /s")],
        bytesPerSecond(perSecond("bytes", messages.received_bytes)),
        spark("in", received),
      ),
      tile("Messages out", [rate(sent), el("small", {}, " /s")], lost, spark("out", sent)),
    );
  }
  if (clients) {
    tiles.push(
      tile(
        "Clients",
        [count(clients.connected), el("small", {}, " connected")],
        clients.absent > 0
          ? `${many(clients.absent, "session")} kept for absent ones`
          : "no session kept for absent ones",
      ),
    );
  }
  if (plant) {
    const conflicts = plant.conflicts > 0 ? `${count(plant.conflicts)} under _conflicts` : "no conflicts";
    tiles.push(tile("Elements", [count(plant.elements)], conflicts));
  }
  if (storage) {
    const [figure, note] = storageOf(storage);
    tiles.push(tile("Storage", [figure], note));
  }
  if (server) {
    const memory = server.memory_bytes === undefined ? "" : `, ${bytes(server.memory_bytes)} of memory`;
    tiles.push(
      tile(
        "Health",
        [server.status === "ready" ? "Ready" : server.status],
        `up ${duration(server.uptime_seconds * 1000)}${memory}`,
      ),
    );
  }
  if (clients) {
    tiles.push(
      tile(
        "Streams",
        [count(clients.streams)],
        `${many(clients.web_sockets, "WebSocket")}, ${many(clients.subscriptions, "MQTT subscription")}`,
      ),
    );
  }
  return tiles;
}

/** @param {NonNullable<api.Overview["storage"]>} storage @returns {[figure: string, note: string]} */
function storageOf({ durability, disk, free_bytes: free, audit }) {
  if (disk === "full") return ["Full", "QoS 1 and 2 are refused until there is room"];
  if (disk === "low") return ["Low", `${bytes(free ?? 0)} left on the disk`];
  if (audit !== "ok") return ["Not on record", "the audit log cannot be written"];
  return [durability, PROMISES.get(durability) ?? ""];
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

/** @param {number | null} perSecond */
function bytesPerSecond(perSecond) {
  return perSecond === null ? "" : `${bytes(perSecond)}/s`;
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

/** What is not as it should be, what stops the plant first. @param {Seen} seen @param {Surroundings["session"]} session */
function attentionOf({ told, findings, root, attached }, session) {
  /** @type {{ key: unknown, line: Node }[]} */
  const lines = [];
  /** @param {unknown} key @param {...(Node | string | null)} children */
  const add = (key, ...children) => lines.push({ key, line: el("li", {}, ...children) });
  const { server, storage, plant } = told ?? {};
  if (server && server.status !== "ready") add("stopping", mark("half", "Stopping", "loud doubt"), "The server is being stopped.");
  if (storage?.disk === "full")
    add(
      "full",
      mark("triangle", "Disk full", "loud bad"),
      "QoS 1 and 2 publications are refused until there is room where the data are.",
    );
  if (storage?.disk === "low")
    add(
      ["low", bytes(storage.free_bytes ?? 0)],
      mark("triangle", "Disk low", "loud doubt"),
      `${bytes(storage.free_bytes ?? 0)} left where the data are. When it is full, QoS 1 and 2 are refused.`,
    );
  if (storage && storage.audit !== "ok")
    add(
      "audit",
      mark("triangle", "Not on record", "loud bad"),
      el(
        "span",
        {},
        session.mayManage("audit", "read") ? el("a", { href: "/audit" }, "The audit log") : "The audit log",
        " cannot be written, so commands and changes are refused: it has no room, or has failed. Factree's log says which.",
      ),
    );
  for (const { name: called, state: is, since } of told?.attachments ?? []) {
    if (is === "online") continue;
    const why = attached.find((it) => it.name === called)?.last_error;
    add(
      ["attachment", called, is, moment(since), why?.text],
      state(is),
      el("span", {}, "Attached broker ", el("strong", {}, name(called))),
      why ? el("span", { class: "soft" }, name(why.text)) : null,
      el("span", { class: "soft nowrap" }, "since ", when(since)),
    );
  }
  const away = plant?.away.slice(0, LISTED) ?? [];
  for (const { group, edge_node: edgeNode, device, state: is, since } of away) {
    const of = [group, edgeNode, device].filter((part) => part !== undefined).join(" / ");
    add(
      [of, is, moment(since)],
      state(is, device === undefined ? "Edge Node" : "Device"),
      el("a", { href: edgeNodePage(group, edgeNode) }, name(of)),
      el("span", { class: "soft nowrap" }, "since ", when(since)),
    );
  }
  if (plant) {
    const nodes = plant.edge_nodes.known - plant.edge_nodes.online;
    const devices = plant.devices_away;
    const all = [nodes > 0 ? many(nodes, "Edge Node") : "", devices > 0 ? many(devices, "Device") : ""].filter(Boolean);
    if (nodes + devices > away.length)
      add(
        ["more", nodes, devices],
        el("a", { href: "/edge-nodes?shown=away" }, `All of them: ${all.join(" and ")}`),
        el("span", { class: "soft" }, "not online"),
      );
  }
  if (findings !== null && findings.length > 0) {
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
  if (told?.messages && (rates.take("dropped", told.messages.dropped, performance.now()) ?? 0) > 0) {
    const text = "Deliveries are being lost to clients that do not keep up";
    add(
      "dropped",
      mark("bars", "Losing", "loud doubt"),
      session.mayManage("clients", "read") ? el("a", { href: "/clients" }, text) : text,
    );
  }
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
