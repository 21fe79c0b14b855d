//! Clients of the broker: who is connected, how fast each goes, what waits for it; and a way to end its connection.
//!
//! Invariant: a connection is ended only after a question that names the client and says what it means.

import * as api from "../api.js";
import { clientPage } from "../address.js";
import { confirmed } from "../dialog.js";
import { el, facts, fill, longText, name } from "../dom.js";
import { age, bytes, count, duration, moment, rate } from "../format.js";
import { Rates } from "../figures.js";
import { LongTable } from "../long-table.js";
import { mark, state } from "../marks.js";
import { card, Page, table } from "../page.js";
import { poll } from "../poll.js";
import { when } from "../when.js";

/** @typedef {import("../page.js").Surroundings} Surroundings */

const EVERY = 2000;
const PAGE = 1000;
/** @typedef {{ client: api.Client, published: number | null, delivered: number | null }} Seen */

/** @type {import("../long-table.js").Column<Seen>[]} */
const COLUMNS = [
  { label: "State", width: 120, order: ({ client }) => client.state },
  { label: "Client", width: 220, order: ({ client }) => client.client_id },
  { label: "Who", width: 110, order: ({ client }) => client.principal ?? "" },
  { label: "Version", width: 72 },
  { label: "Address", width: 152, order: ({ client }) => client.address ?? "" },
  { label: "Since", width: 132, order: ({ client }) => Date.parse(client.since ?? "") || 0 },
  { label: "Subscriptions", width: 112, isNumber: true, order: ({ client }) => client.subscriptions_count },
  { label: "Waiting", width: 80, isNumber: true, order: ({ client }) => client.queue_len },
  { label: "In flight", width: 80, isNumber: true, order: ({ client }) => client.in_flight },
  { label: "In /s", width: 72, isNumber: true, order: ({ published }) => published ?? -1 },
  { label: "Out /s", width: 72, isNumber: true, order: ({ delivered }) => delivered ?? -1 },
  { label: "Lost", width: 68, isNumber: true, order: ({ client }) => client.dropped },
];

/** @param {Surroundings} around */
export function clientsPage({ signal }) {
  const summary = el("p");
  const words = el("input", {
    type: "search",
    placeholder: "Filter by id, who, address",
    "aria-label": "Filter clients",
    autocomplete: "off",
  });
  const more = el("button", { type: "button", hidden: true, click: () => (wanted += PAGE) }, "Read more of them");
  const form = el("form", { submit: (event) => event.preventDefault(), class: "together" }, more, words);
  const page = new Page("Clients", summary, form);
  page.element.classList.add("filled");
  const list = new LongTable("Clients", COLUMNS, ({ client }) => client.client_id, cells);
  page.element.append(card(list.element));
  const rates = new Rates();
  let wanted = 5 * PAGE;
  /** @type {Seen[]} */
  let known = [];

  const show = () => {
    const text = words.value.trim().toLowerCase();
    list.show(
      known.filter(({ client }) =>
        `${client.client_id} ${client.principal ?? ""} ${client.address ?? ""}`.toLowerCase().includes(text),
      ),
    );
  };
  words.addEventListener("input", show);

  void poll(
    EVERY,
    signal,
    async () => {
      /** @type {api.Client[]} */
      const all = [];
      /** @type {string | undefined} */
      let cursor;
      do {
        const next = await api.clients({ limit: PAGE, cursor });
        all.push(...next.clients);
        cursor = next.next_cursor;
      } while (cursor !== undefined && all.length < wanted && !signal.aborted);
      if (signal.aborted) return;
      page.answered();
      const at = performance.now();
      known = all.map((client) => ({
        client,
        published: rates.take(JSON.stringify(["in", client.client_id]), client.published, at),
        delivered: rates.take(JSON.stringify(["out", client.client_id]), client.delivered, at),
      }));
      const connected = all.filter((client) => client.state === "connected").length;
      const absent = all.length - connected;
      summary.textContent = `${cursor ? `Of the first ${count(all.length)}, ` : ""}${count(connected)} connected${absent > 0 ? `, ${count(absent)} absent` : ""}`;
      more.hidden = cursor === undefined;
      show();
    },
    page.refused,
  );
  return page.element;
}

/** @param {Seen} seen @returns {import("../long-table.js").Cell[]} */
function cells({ client, published, delivered }) {
  const text = (/** @type {string} */ text) => /** @type {import("../long-table.js").Cell} */ ([text, () => text]);
  const odd = (/** @type {number} */ number) =>
    /** @type {import("../long-table.js").Cell} */ ([
      number,
      () => (number > 0 ? el("strong", {}, count(number)) : "0"),
    ]);
  return [
    [client.state, () => state(client.state)],
    [client.client_id, () => el("a", { href: clientPage(client.client_id) }, name(client.client_id))],
    [client.principal, () => who(client.principal)],
    text(client.version ?? ""),
    text(client.address ?? ""),
    [client.since, () => when(client.since)],
    text(count(client.subscriptions_count)),
    odd(client.queue_len),
    text(count(client.in_flight)),
    text(rate(published)),
    text(rate(delivered)),
    odd(client.dropped),
  ];
}

/** @param {string | undefined} principal */
function who(principal = "anonymous") {
  return principal === "anonymous" ? el("span", { class: "soft" }, principal) : name(principal);
}

/** @param {Surroundings} around @param {string} clientId */
export function clientPageOf({ signal, session }, clientId) {
  const said = el("span", { role: "status" });
  let isAway = false;
  const disconnect = el(
    "button",
    { type: "button", class: "grave", click: () => void (isAway ? endSession(clientId, said) : end(clientId, said)) },
    "Disconnect…",
  );
  const page = new Page(
    "Client",
    el("p", {}, name(clientId)),
    el("div", { class: "together" }, said, session.mayManage("clients", "admin") ? disconnect : null),
  );
  const about = el("div");
  const subscriptions = table("Subscriptions", ["Topic filter", "#QoS"]);
  page.element.append(
    el(
      "div",
      { class: "columns" },
      card(el("h2", {}, "Session"), about),
      card(el("h2", {}, "Subscriptions"), subscriptions.element),
    ),
  );
  const rates = new Rates();

  void poll(
    EVERY,
    signal,
    async () => {
      let client;
      try {
        client = await api.client(clientId);
      } catch (error) {
        if (!(error instanceof api.Refusal) || error.status !== 404) throw error;
        disconnect.disabled = true;
        fill(about, el("p", { class: "empty" }, "The broker has no session of this client any more."));
        fill(subscriptions.body);
        return;
      }
      page.answered();
      disconnect.disabled = false;
      isAway = client.state !== "connected";
      fill(disconnect, isAway ? "End the session…" : "Disconnect…");
      const at = performance.now();
      fill(about, sessionOf(client, rates.take("in", client.published, at), rates.take("out", client.delivered, at)));
      const all = client.subscriptions ?? [];
      page.put(subscriptions.body, [all, client.subscriptions_count], () => [
        ...all.map(({ filter, qos }) =>
          el("tr", {}, el("td", { class: "text mono" }, longText(filter, 200)), el("td", { class: "num" }, qos)),
        ),
        all.length < client.subscriptions_count
          ? el(
              "tr",
              {},
              el("td", { class: "soft", colspan: 2 }, `and ${count(client.subscriptions_count - all.length)} more`),
            )
          : null,
        client.subscriptions_count === 0 ? el("tr", {}, el("td", { class: "soft", colspan: 2 }, "none")) : null,
      ]);
    },
    page.refused,
  );
  return page.element;
}

/** @param {api.Client} client @param {number | null} published @param {number | null} delivered */
function sessionOf(client, published, delivered) {
  const expiry = client.session_expiry_seconds;
  return facts([
    ["State", state(client.state)],
    ["Who", client.principal === undefined ? null : name(client.principal)],
    ["User name", client.username === undefined ? null : name(client.username)],
    ["Version", client.version ? `MQTT ${client.version}` : null],
    ["Address", client.address ?? null],
    [
      "Connected",
      client.since ? [when(client.since, { isFull: true }), `, connection ${client.connection} in the log`] : null,
    ],
    ["Last heard", client.last_packet ? `${age(client.last_packet)} ago` : null],
    ["Keep-alive", client.keep_alive_seconds === undefined ? null : duration(client.keep_alive_seconds * 1000)],
    [
      "Session",
      expiry === undefined
        ? "kept for ever"
        : expiry === 0
          ? "ends with the connection"
          : `kept for ${duration(expiry * 1000)}`,
    ],
    ["Published", `${count(client.published)}, ${rate(published)} /s`],
    ["Delivered", `${count(client.delivered)}, ${rate(delivered)} /s`],
    ["Waiting", `${count(client.queue_len)}, ${bytes(client.queue_bytes)}`],
    ["In flight", count(client.in_flight)],
    ["Lost by policy", count(client.dropped)],
  ]);
}

/** @param {string} clientId @param {HTMLElement} said */
async function end(clientId, said) {
  const question = {
    title: "Disconnect this client?",
    act: "Disconnect",
    isGrave: true,
    asksReason: true,
    body: [
      el(
        "p",
        {},
        name(clientId),
        " is disconnected and its Will Message published. What it is the Edge Node of is then Stale. Most clients connect again by themselves.",
      ),
    ],
  };
  if (await confirmed(question, (reason) => api.disconnect(clientId, reason)))
    fill(said, mark("dot", "Disconnected"), ` at ${moment(api.serverNow())}`);
}

/** @param {string} clientId @param {HTMLElement} said */
async function endSession(clientId, said) {
  const question = {
    title: "End this session?",
    act: "End the session",
    isGrave: true,
    asksReason: true,
    body: [
      el(
        "p",
        {},
        "The subscriptions of ",
        name(clientId),
        " and all that waits for it are forgotten. Its client id is then anybody's who may connect.",
      ),
    ],
  };
  if (await confirmed(question, (reason) => api.disconnect(clientId, reason)))
    fill(said, mark("dot", "Session ended"), ` at ${moment(api.serverNow())}`);
}
