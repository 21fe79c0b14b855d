//! Clients of the broker: who is connected, how fast each goes, what waits for it; and a way to end its connection.
//!
//! Invariant: a connection is ended only after a question that names the client and says what it means.

import * as api from "../api.js";
import { clientPage } from "../address.js";
import { confirm } from "../dialog.js";
import { el, facts, fill, longText, name } from "../dom.js";
import { age, bytes, count, duration, exact, moment, rate } from "../format.js";
import { Rates } from "../figures.js";
import { mark, state } from "../marks.js";
import { card, Page, table } from "../page.js";
import { poll } from "../poll.js";

/** @typedef {import("../page.js").Surroundings} Surroundings */

const EVERY = 2000;
const PAGE = 200;

/** @param {Surroundings} around */
export function clientsPage({ signal }) {
  const summary = el("p");
  const page = new Page("Clients", summary);
  const list = table([
    "State",
    "Client",
    "Version",
    "Address",
    "Since",
    "#Subscriptions",
    "#Waiting",
    "#In flight",
    "#In /s",
    "#Out /s",
    "#Lost",
  ]);
  const more = el("button", { type: "button", hidden: true, click: () => (wanted += PAGE) }, "Show more");
  page.element.append(card(list.element, more));
  const rates = new Rates();
  let wanted = PAGE;

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
      page.answered();
      const at = performance.now();
      fill(
        list.body,
        ...all.map((client) =>
          row(
            client,
            rates.take(JSON.stringify(["in", client.client_id]), client.published, at),
            rates.take(JSON.stringify(["out", client.client_id]), client.delivered, at),
          ),
        ),
      );
      const connected = all.filter((client) => client.state === "connected").length;
      const absent = all.length - connected;
      summary.textContent = `${cursor ? "Of the first, " : ""}${count(connected)} connected${absent > 0 ? `, ${count(absent)} absent` : ""}`;
      more.hidden = cursor === undefined;
    },
    page.refused,
  );
  return page.element;
}

/** @param {api.Client} client @param {number | null} published @param {number | null} delivered */
function row(client, published, delivered) {
  return el(
    "tr",
    {},
    el("td", {}, state(client.state)),
    el("td", { class: "name" }, el("a", { href: clientPage(client.client_id) }, name(client.client_id))),
    el("td", {}, client.version ?? ""),
    el("td", { class: "nowrap" }, client.address ?? ""),
    el("td", { class: "nowrap" }, client.since ? moment(client.since) : ""),
    el("td", { class: "num" }, count(client.subscriptions_count)),
    el("td", { class: "num" }, client.queue_len > 0 ? el("strong", {}, count(client.queue_len)) : "0"),
    el("td", { class: "num" }, count(client.in_flight)),
    el("td", { class: "num" }, rate(published)),
    el("td", { class: "num" }, rate(delivered)),
    el("td", { class: "num" }, client.dropped > 0 ? el("strong", {}, count(client.dropped)) : "0"),
  );
}

/** @param {Surroundings} around @param {string} clientId */
export function clientPageOf({ signal }, clientId) {
  const said = el("span", { role: "status" });
  const disconnect = el(
    "button",
    { type: "button", class: "grave", click: () => void end(clientId, said) },
    "Disconnect…",
  );
  const page = new Page("Client", el("p", {}, name(clientId)), el("div", { class: "together" }, said, disconnect));
  const about = el("div");
  const subscriptions = table(["Topic filter", "#QoS"]);
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
      disconnect.disabled = client.state !== "connected";
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
    ["Version", client.version ? `MQTT ${client.version}` : null],
    ["Address", client.address ?? null],
    ["Connected", client.since ? `${exact(client.since)}, connection ${client.connection} in the log` : null],
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
  const is = await confirm(
    "Disconnect this client?",
    "Disconnect",
    true,
    el(
      "p",
      {},
      name(clientId),
      " is disconnected and its Will Message published. What it is the Edge Node of is then Stale. Most clients connect again by themselves.",
    ),
  );
  if (!is) return;
  try {
    await api.disconnect(clientId);
    fill(said, mark("dot", "Disconnected"), ` at ${moment(api.serverNow())}`);
  } catch (error) {
    fill(said, mark("cross", error instanceof api.Refusal ? error.title : "Not disconnected", "loud doubt"));
  }
}
