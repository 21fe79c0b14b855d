//! Addresses: of elements in the API, of pages of this UI, of metrics on MQTT.
//!
//! Invariant: `pathOf(pageOf(path)) === path` for every path, and no address that a browser would rewrite is ever
//! asked for.

/** @typedef {{ page: "overview" | "namespace" | "edge-nodes" | "edge-node" | "events" | "findings" | "unplaced" | "clients" |
 *   "client" | "audit" | "access" | "account" | "login" | "nowhere",
 *   path?: string, group?: string, edgeNode?: string, clientId?: string, query: URLSearchParams }} Route */

/** Each name for itself; `/` stays. @param {string} path */
export function encodePath(path) {
  return path.split("/").map(encodeURIComponent).join("/");
}

/**
 * Browsers resolve `.` and `..` before they ask, even when they are encoded, and would ask about another element.
 * @param {string} path
 */
export function isAskable(path) {
  return !path.split("/").some((name) => name === "." || name === "..");
}

/** The page of an element. @param {string} path */
export function pageOf(path) {
  if (path === "") return "/ns";
  return isAskable(path) ? `/ns/${encodePath(path)}` : `/ns?path=${encodeURIComponent(path)}`;
}

/** The page of an Edge Node. @param {string} group @param {string} edgeNode */
export function edgeNodePage(group, edgeNode) {
  return `/edge-nodes?group=${encodeURIComponent(group)}&edge_node=${encodeURIComponent(edgeNode)}`;
}

/** The page of a client. @param {string} clientId */
export function clientPage(clientId) {
  return `/clients?id=${encodeURIComponent(clientId)}`;
}

/** @param {string} path */
export function parentOf(path) {
  const at = path.lastIndexOf("/");
  return at < 0 ? "" : path.slice(0, at);
}

/** All elements on the way to this one, itself included. @param {string} path */
export function wayTo(path) {
  const names = path.split("/");
  return names.map((_, index) => names.slice(0, index + 1).join("/"));
}

/**
 * The topic filter that covers this path and as little else as can be: a name that holds a wildcard can only be said
 *   by one.
 * @param {string} path
 */
export function filterOf(path) {
  return path
    .split("/")
    .map((name) => (/[+#]/.test(name) ? "+" : name))
    .join("/");
}

/** What a location shows. @param {Location | URL} location @returns {Route} */
export function routeOf(location) {
  const query = new URLSearchParams(location.search);
  const at = location.pathname.replace(/^\/+/, "");
  const [first] = at.split("/", 1);
  const rest = at.slice(first.length + 1);
  switch (first) {
    case "":
      return { page: "overview", query };
    case "ns":
      return { page: "namespace", path: query.get("path") ?? decoded(rest), query };
    case "edge-nodes": {
      const [group, edgeNode] = [query.get("group"), query.get("edge_node")];
      if (group !== null && edgeNode !== null) return { page: "edge-node", group, edgeNode, query };
      return { page: "edge-nodes", query };
    }
    case "events":
      return { page: "events", query };
    case "findings":
      return { page: "findings", query };
    case "audit":
    case "access":
    case "account":
    case "login":
      return { page: first, query };
    case "unplaced":
      return { page: "unplaced", query };
    case "clients": {
      const clientId = query.get("id");
      return clientId === null ? { page: "clients", query } : { page: "client", clientId, query };
    }
    default:
      return { page: "nowhere", query };
  }
}

/** @param {string} raw */
function decoded(raw) {
  try {
    return raw.split("/").map(decodeURIComponent).join("/");
  } catch {
    return raw;
  }
}
