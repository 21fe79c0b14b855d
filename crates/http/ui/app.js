//! The spine: which page an address shows, and the bar around it.
//!
//! A link to a page of ours changes the address and nothing is loaded anew. Each page gets a signal that ends
//! whatever it
//! began. Who has to log in first is asked to in place of the page.
//! Invariant: one page at a time; what a page has left cannot write on the next.

import { routeOf, pageOf } from "./address.js";
import { clipped, el, fill } from "./dom.js";
import { Live } from "./live.js";
import { mark } from "./marks.js";
import { Samples } from "./samples.js";
import { Search } from "./search.js";
import { Session } from "./session.js";
import { themeButton } from "./theme.js";
import { when } from "./when.js";
import { showWho } from "./who.js";
import { accessPage } from "./pages/access.js";
import { accountPage } from "./pages/account.js";
import { auditPage } from "./pages/audit.js";
import { clientPageOf, clientsPage } from "./pages/clients.js";
import { edgeNodePage } from "./pages/edge-node.js";
import { edgeNodesPage } from "./pages/edge-nodes.js";
import { eventsPage } from "./pages/events.js";
import { findingsPage } from "./pages/findings.js";
import { loginPage } from "./pages/login.js";
import { namespacePage } from "./pages/namespace.js";
import { overviewPage } from "./pages/overview.js";
import { unplacedPage } from "./pages/unplaced.js";

/** @typedef {import("./address.js").Route} Route */
/** @typedef {import("./page.js").Surroundings} Surroundings */

const TITLES = new Map([
  ["overview", "Overview"],
  ["namespace", "Namespace"],
  ["edge-nodes", "Edge Nodes"],
  ["edge-node", "Edge Node"],
  ["events", "Events"],
  ["findings", "Findings"],
  ["unplaced", "Unplaced"],
  ["clients", "Clients"],
  ["client", "Client"],
  ["access", "Users, roles and keys"],
  ["account", "Password and keys"],
  ["audit", "Audit log"],
  ["login", "Log in"],
]);
/** Pages of the bar that not everybody may see, and what he has to be allowed to look at. */
const AREAS = new Map([
  ["edge-nodes", "conformance"],
  ["findings", "conformance"],
  ["unplaced", "conformance"],
  ["clients", "clients"],
  ["audit", "audit"],
  ["access", "access"],
]);
/** Which entry of the bar a page belongs to. */
const ENTRIES = new Map([
  ["edge-node", "edge-nodes"],
  ["client", "clients"],
  ["events", "overview"],
]);

const live = new Live();
const samples = new Samples();
const session = new Session();
const main = byId("main");
let leave = new AbortController();
let title = "";
/** Whom the pages have been shown to. @type {string | undefined} */
let shownTo;

/** @param {string} id */
function byId(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

/** @param {string} address */
function go(address) {
  if (address !== location.pathname + location.search) history.pushState(null, "", address);
  show();
}

function show() {
  leave.abort();
  leave = new AbortController();
  const route = routeOf(location);
  /** @type {Surroundings} */
  const around = { live, samples, session, signal: leave.signal, query: route.query, go };
  // What is no page of ours may be there for who has logged in.
  const enter = route.page === "nowhere" ? () => location.reload() : show;
  const page = session.isOut ? loginPage(session, enter) : pageFor(route, around);
  if (main.firstChild !== page || main.childNodes.length !== 1) {
    fill(main, page);
    main.scrollTop = 0;
  }
  const last = route.path ? route.path.slice(route.path.lastIndexOf("/") + 1) : undefined;
  title = session.isOut
    ? "Log in"
    : clipped(last || route.edgeNode || route.clientId || TITLES.get(route.page) || "No such page", 80);
  showTitle();
  const entry = ENTRIES.get(route.page) ?? route.page;
  for (const link of document.querySelectorAll("[data-page]")) {
    if (link.getAttribute("data-page") === entry) {
      link.setAttribute("aria-current", "page");
      // On a phone the bar is wider than the screen.
      link.scrollIntoView({ block: "nearest", inline: "nearest" });
    } else link.removeAttribute("aria-current");
  }
}

/** @param {Route} route @param {Surroundings} around */
function pageFor(route, around) {
  switch (route.page) {
    case "overview":
      return overviewPage(around);
    case "namespace":
      return namespacePage(around, route.path ?? "");
    case "edge-nodes":
      return edgeNodesPage(around);
    case "edge-node":
      return edgeNodePage(around, route.group ?? "", route.edgeNode ?? "");
    case "events":
      return eventsPage(around);
    case "findings":
      return findingsPage(around);
    case "unplaced":
      return unplacedPage(around);
    case "clients":
      return clientsPage(around);
    case "client":
      return clientPageOf(around, route.clientId ?? "");
    case "access":
      return accessPage(around);
    case "account":
      return accountPage(around);
    case "audit":
      return auditPage(around);
    case "login":
      return loginPage(session, () => go("/"));
    case "nowhere":
      return el(
        "div",
        { class: "page" },
        el("header", {}, el("h1", {}, "There is no such page")),
        el(
          "section",
          { class: "card" },
          el("p", {}, "Nothing is at ", el("code", {}, clipped(location.pathname)), "."),
          el(
            "p",
            { class: "links" },
            el("a", { href: "/" }, "Overview"),
            el("a", { href: "/ns" }, "The Namespace"),
            el("a", { href: "/docs" }, "This server's API"),
          ),
        ),
      );
  }
}

function showTitle() {
  document.title = `${live.state === "lost" ? "✕ " : ""}${title} · Factree`;
}

function showLink() {
  const { state, since } = live;
  document.documentElement.dataset.link = state;
  // A tab in the background says it too.
  byId("icon").setAttribute("href", state === "lost" ? "/ui/icon-lost.svg" : "/ui/icon.svg");
  showTitle();
  const marks = {
    live: () => mark("disc", "Live"),
    connecting: () => mark("half", "Connecting"),
    lost: () => mark("cross", "No connection", "loud dead"),
  };
  fill(byId("link"), marks[state]());
  const alarm = byId("alarm");
  if (state === "lost") {
    fill(
      alarm,
      mark("cross", "No connection to Factree."),
      "What is shown is as of ",
      when(since),
      " and may be old. Trying again by itself.",
    );
  } else if (live.refused !== null) {
    fill(alarm, mark("bars", "Not live."), `The server does not tell changes: ${live.refused}`);
  } else {
    fill(alarm);
  }
}

/** Who is looking, and the pages that are his. */
function showBar() {
  showWho(byId("who"), session);
  document.documentElement.classList.toggle("nobody", session.isOut);
  for (const link of document.querySelectorAll("[data-page]")) {
    const page = link.getAttribute("data-page") ?? "";
    const area = AREAS.get(page);
    const isIdle = page === "access" && !session.me?.login_required;
    /** @type {HTMLElement} */ (link).hidden = isIdle || (area !== undefined && !session.mayManage(area, "read"));
  }
}

document.addEventListener("click", (event) => {
  if (event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey)
    return;
  const link = /** @type {Element} */ (event.target).closest("a[href^='/']");
  const address = link?.getAttribute("href");
  if (!address || address.startsWith("/api") || address === "/docs" || link?.hasAttribute("target")) return;
  event.preventDefault();
  go(address);
});
addEventListener("popstate", show);
live.addEventListener("state", () => {
  showLink();
  // A stream that ends may be a session that has.
  if (live.state === "lost" && !session.isOut) void session.checkSoon();
});
session.addEventListener("change", () => {
  const principal = session.me?.principal ?? "";
  // What somebody else saw is not left lying about for the next one.
  if (!session.isOut && shownTo !== undefined && shownTo !== principal) return location.reload();
  if (!session.isOut) shownTo = principal;
  showBar();
  if (session.isOut) live.stop();
  else live.start();
  if (session.isOut !== main.classList.contains("out")) {
    main.classList.toggle("out", session.isOut);
    show();
  }
});

new Search(byId("search"), (path) => go(pageOf(path)));
themeButton(/** @type {HTMLButtonElement} */ (byId("theme")));
showLink();
showBar();
await session.check();
if (!session.isOut) {
  live.start();
  show();
}
