//! The HTTP API as this UI uses it: what its answers look like, and one way of asking.
//!
//! Knows no page. Invariant: an answer that is no success is thrown as a `Refusal` with the words of the problem
//! document.

import { encodePath, isAskable } from "./address.js";

/** @typedef {{ type: "sparkplug", group: string, edge_node: string, device?: string, metric: string, metric_alias?:
 *   number | string }
 *   | { type: "mqtt", topic: string }} Source */
/** @typedef {{ path: string, value?: unknown, quality?: string, gone?: boolean, gone_since?: string, timestamp?:
 *   string,
 *   received?: string, datatype?: string, unit?: string, revision?: number, source?: Source }} Sample */
/** @typedef {{ path?: string, name?: string, level?: string, kind?: string, equipment?: string, datatype?: string,
 *   unit?: string, description?: string, low?: number, high?: number, owner?: string, tags?: string[],
 *   properties?: Record<string, string>, conflict?: string, conflict_owner?: Source, reason?: string, sample?: Sample,
 *   type?: { name: string, version?: string, label?: string, undefined?: boolean }, contexts?: Record<string, string>,
 *   children_count: number, children?: Element[], next_cursor?: string, truncated?: boolean }} Element */
/** @typedef {{ device: string, state: string, since: string, path?: string, metrics_count: number }} Device */
/** @typedef {{ births: number, data: number, deaths: number, seq_gaps: number, seq_late: number, held: number,
 *   held_dropped: number,
 *   displaced: number, rebirths_asked: number, rebirths: Record<string, number>, malformed: number, findings: number
 *   }} Counters */
/** @typedef {{ device?: string, name: string, metric_alias?: number | string, datatype: string, path?: string }}
 *   Metric */
/** @typedef {{ group: string, edge_node: string, state: string, held?: number, since: string, born?: string, bd_seq?:
 *   number,
 *   next_seq?: number, client_id?: string, link?: string, path?: string, metrics_count: number, devices: Device[],
 *   counters: Counters, last_message?: string, rebirth?: { asked: string, reason: string }, metrics?: Metric[],
 *   next_cursor?: string }} EdgeNode */
/** @typedef {{ occasion?: string, topic?: string, metric?: string, expected?: unknown, got?: unknown }} Example */
/** @typedef {{ tck_id: string, level: string, text: string, group?: string, edge_node?: string, device?: string,
 *   client_id?: string,
 *   session?: number, first: string, last: string, count: number, example?: Example }} Finding */
/** @typedef {{ tck_id: string, level: string, text: string, verdict: string, reason?: string, same_as?: string[],
 *   findings?: Finding[] }} RuleVerdict */
/** @typedef {{ group: string, edge_node: string, state: string, since: string, summary: { violated: number,
 *   must_violated: number,
 *   observed: number, not_observed: number, not_visible: number }, rules: RuleVerdict[] }} Conformance */
/** @typedef {{ client_id: string, principal?: string, username?: string, state: string, connection?: number, version?: string, address?: string, since?:
 *   string,
 *   last_packet?: string, keep_alive_seconds?: number, session_expiry_seconds?: number, subscriptions_count: number,
 *   queue_len: number, queue_bytes: number, in_flight: number, published: number, delivered: number, dropped: number,
 *   subscriptions?: { filter: string, qos: number }[] }} Client */
/** @typedef {{ id: string, path: string, value: unknown, datatype: string, topic: string, state: string, sent: string,
 *   settled?: string }} Command */
/** @typedef {{ topic: string, metric?: string, path?: string, placed_by: string, rule?: number, reason?: string,
 *   levels: { name: string, level?: string, equipment?: string }[],
 *   tried: { rule?: number, template?: string, matched: boolean, why?: string }[] }} Placed */
/** @typedef {{ group: string, edge_node: string, device?: string, from: string, to: string, becomes: string }} TrialChange */
/** @typedef {{ sources: number, placed: number, moved: number, unplaced: number, ends_the_default: boolean, changes:
 *   TrialChange[] }} Trial */
/** @typedef {{ number: number, at: string, kind: string, group?: string, edge_node?: string, device?: string,
 *   client_id?: string, address?: string, about?: string, text?: string }} PlantEvent */
/** @typedef {{ name: string, url: string, version: string, client_id: string, state: string, since: string,
 *   last_error?: { at: string, class: string, text: string }, counters: Record<string, number> }} Attachment */

/** @typedef {{ group: string, edge_node: string, device?: string, state: string, since: string }} Absentee */
/** @typedef {{ server?: { status: string, uptime_seconds: number, memory_bytes?: number },
 *   storage?: { durability: string, disk: string, free_bytes?: number, audit: string },
 *   messages?: { received: number, received_bytes: number, sent: number, sent_bytes: number, dropped: number },
 *   clients?: { connected: number, absent: number, subscriptions: number, streams: number, web_sockets: number },
 *   plant?: { edge_nodes: { known: number, online: number }, devices_away: number, away: Absentee[], elements: number,
 *     conflicts: number },
 *   attachments?: { name: string, state: string, since: string }[], withheld?: Record<string, string> }} Overview */

/** Why something was not answered, or refused. */
export class Refusal extends Error {
  /** @param {number} status 0 where nobody answered @param {string} title @param {string} detail @param {string} [type] */
  constructor(status, title, detail, type = "") {
    super(detail || title);
    this.status = status;
    this.title = title;
    this.type = type;
  }
}

/** How far the server's clock is ahead of this machine's, in milliseconds; told by every answer to the second. */
let ahead = 0;

/** The server's time, as its samples are stamped. */
export function serverNow() {
  return Date.now() + ahead;
}

/** What proves that this page sends, and not another one with our cookie; none where there is no session. @type {string | null} */
let csrf = null;
/** Told when the server wants to know who this is. */
let nobody = () => {};

/** @param {string | null} token */
export function keepCsrf(token) {
  csrf = token;
}

/** @param {() => void} listener */
export function whenNobody(listener) {
  nobody = listener;
}

/** As long as that after somebody did something, what is asked is asked for him; then it is the page that asks. */
const ATTENDED = 30_000;
let attended = performance.now();
for (const doing of ["pointerdown", "pointermove", "keydown", "wheel", "touchstart"])
  addEventListener(doing, () => (attended = performance.now()), { capture: true, passive: true });

/**
 * Asks. Where nobody has done anything for a while it says so: a page that is left open keeps no session alive.
 * @param {string} address @param {RequestInit} [request] @returns {Promise<any>}
 */
export async function ask(address, request = {}) {
  let response;
  const headers = new Headers(request.headers);
  if (csrf !== null && request.method) headers.set("x-csrf-token", csrf);
  if (performance.now() - attended > ATTENDED) headers.set("x-unattended", "true");
  try {
    response = await fetch(address, { cache: "no-cache", ...request, headers });
  } catch (error) {
    if (request.signal?.aborted) throw error;
    throw new Refusal(0, "Nobody answers", "The server does not answer.");
  }
  const date = Date.parse(response.headers.get("date") ?? "");
  // The header has whole seconds, so only what is beyond them is a difference.
  if (!Number.isNaN(date)) ahead = Math.abs(date + 500 - Date.now()) > 2500 ? date + 500 - Date.now() : 0;
  if (response.status === 204) return null;
  const text = await response.text();
  if (response.ok)
    return response.headers.get("content-type")?.startsWith("application/json") ? JSON.parse(text) : text;
  if (response.status === 401) nobody();
  let problem = { title: `HTTP ${response.status}`, detail: "", type: "" };
  try {
    problem = { ...problem, ...JSON.parse(text) };
  } catch {
    // A proxy's page; its status says enough.
  }
  throw new Refusal(response.status, problem.title, problem.detail, problem.type);
}

/** @param {Record<string, string | number | undefined>} parameters */
export function query(parameters) {
  const known = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== "");
  const text = new URLSearchParams(known.map(([key, value]) => [key, String(value)])).toString();
  return text && `?${text}`;
}

/** @param {string} path @param {{ depth?: number, limit?: number, cursor?: string }} [more] @returns {Promise<Element>} */
export function element(path, more = {}) {
  if (!isAskable(path)) return ask(`/api/v1/namespace${query({ path, ...more })}`);
  const at = path === "" ? "/api/v1/namespace" : `/api/v1/namespace/${encodePath(path)}`;
  return ask(at + query(more));
}

/** @param {string} path @returns {Promise<Sample>} */
export async function sample(path) {
  if (isAskable(path)) return ask(`/api/v1/values/${encodePath(path)}`);
  const { samples } = await ask("/api/v1/values/read", sending("POST", { paths: [path] }));
  const [{ problem, ...found }] = samples;
  if (problem) throw new Refusal(problem.status, problem.title, problem.detail);
  return found;
}

/** A request with a JSON body. @param {string} method @param {unknown} body @returns {RequestInit} */
export function sending(method, body) {
  return { method, headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
}

/** What is in force at an element. @param {string} path @returns {Promise<{ context: Record<string, { path: string, since?: string,
 *   quality?: string, value?: unknown }>, context_complete?: boolean }>} */
export function context(path) {
  return ask(`/api/v1/context/${encodePath(path)}`);
}

/** @param {string} words @param {AbortSignal} signal @returns {Promise<{ elements: Element[], more: boolean }>} */
export function search(words, signal) {
  return ask(`/api/v1/search${query({ q: words, limit: 50 })}`, { signal });
}

/** @param {string} path @param {unknown} value @param {string} reason @returns {Promise<Command>} */
export function set(path, value, reason) {
  const at = isAskable(path) ? `/api/v1/values/${encodePath(path)}` : `/api/v1/values${query({ path })}`;
  return ask(at, sending("PUT", reason ? { value, reason } : { value }));
}

/** @param {string} id @returns {Promise<Command>} */
export function command(id) {
  return ask(`/api/v1/commands/${encodeURIComponent(id)}`);
}

/** @param {{ online?: string, limit?: number, cursor?: string }} [more] @returns {Promise<{ edge_nodes: EdgeNode[], next_cursor?: string }>} */
export function edgeNodes(more = {}) {
  return ask(`/api/v1/edge-nodes${query({ limit: 1000, ...more })}`);
}

/** @param {string} group @param {string} edgeNode */
function edgeNodeAt(group, edgeNode) {
  return `/api/v1/edge-nodes/${encodeURIComponent(group)}/${encodeURIComponent(edgeNode)}`;
}

/** @param {string} group @param {string} edgeNode @param {{ metrics?: string, limit?: number, cursor?: string }} [more]
 * @returns {Promise<EdgeNode>} */
export function edgeNode(group, edgeNode, more = {}) {
  return ask(edgeNodeAt(group, edgeNode) + query(more));
}

/** @param {string} group @param {string} edgeNode @returns {Promise<Conformance>} */
export function conformance(group, edgeNode) {
  return ask(`${edgeNodeAt(group, edgeNode)}/conformance`);
}

/** @param {string} group @param {string} edgeNode @param {string} reason @returns {Promise<{ asked: string }>} */
export function rebirth(group, edgeNode, reason) {
  return ask(`${edgeNodeAt(group, edgeNode)}/rebirth${query({ reason })}`, { method: "POST" });
}

/** Takes one that is offline out of the tree.
 * @param {string} group @param {string} edgeNode @param {string} reason @returns {Promise<null>} */
export function forget(group, edgeNode, reason) {
  return ask(`${edgeNodeAt(group, edgeNode)}${query({ reason })}`, { method: "DELETE" });
}

/** @param {Record<string, string | number | undefined>} wanted
 * @returns {Promise<{ findings: Finding[], entries: number, dropped: number, next_cursor?: string }>} */
export function findings(wanted = {}) {
  return ask(`/api/v1/findings${query(wanted)}`);
}

/** @param {string} topic @param {string} [metric] @returns {Promise<Placed>} */
export function placement(topic, metric) {
  return ask(`/api/v1/placement${query({ topic, metric })}`);
}

/** What one more rule for Sparkplug would do. @param {Record<string, string>} rule @param {number} [at] @returns {Promise<Trial>} */
export function tryRule(rule, at) {
  return ask("/api/v1/placement/try", sending("POST", { rule, at }));
}

/** The last events, newest first. @param {number} limit @returns {Promise<{ events: PlantEvent[] }>} */
export function events(limit) {
  return ask(`/api/v1/events${query({ limit })}`);
}

/** @param {{ limit?: number, cursor?: string }} [more] @returns {Promise<{ clients: Client[], next_cursor?: string }>} */
export function clients(more = {}) {
  return ask(`/api/v1/clients${query(more)}`);
}

/** @param {string} clientId @returns {Promise<Client>} */
export function client(clientId) {
  return ask(`/api/v1/clients/${encodePath(clientId)}`);
}

/** Ends the connection of a client, or, if it has none, its session.
 * @param {string} clientId @param {string} reason @returns {Promise<null>} */
export function disconnect(clientId, reason) {
  return ask(`/api/v1/clients/${encodePath(clientId)}${query({ reason })}`, { method: "DELETE" });
}

/** @returns {Promise<{ attachments: Attachment[] }>} */
export function attachments() {
  return ask("/api/v1/attachments");
}

/** How the plant and the server do, as far as the caller may see. @returns {Promise<Overview>} */
export function overview() {
  return ask("/api/v1/overview");
}

/** What somebody may see, or null. @template T @param {Promise<T>} answer @returns {Promise<T | null>} */
export async function ifMay(answer) {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof Refusal && error.status === 403) return null;
    throw error;
  }
}

/** What is there, or null. @template T @param {Promise<T>} answer @returns {Promise<T | null>} */
export async function ifThere(answer) {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof Refusal && error.status === 404) return null;
    throw error;
  }
}

/** Whether anybody is there. @param {number} patience milliseconds */
export async function isAlive(patience) {
  try {
    await ask("/healthz", { signal: AbortSignal.timeout(patience) });
    return true;
  } catch {
    return false;
  }
}
