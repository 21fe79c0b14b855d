//! The part of the HTTP API that is about people: who is looking, users, roles, keys, sessions, and the audit log.
//!
//! Knows no page. Invariant: as in `api.js`.

import { ask, query, sending } from "./api.js";

/** @typedef {{ principal: string, name?: string, login_required: boolean, logged_in: boolean, by: string, roles: string[],
 *   verbs: string[], areas: Record<string, string[]>, csrf?: string, until?: string }} Me */
/** @typedef {{ name: string, roles: string[], disabled: boolean, has_password: boolean, created: string, keys_count: number,
 *   sessions_count: number }} User */
/** @typedef {{ name: string, grants: string[], pins: string[], fixed: boolean, holders_count: number }} Role */
/** @typedef {{ id: string, owner: string, label: string, roles?: string[], verbs: string[], created: string, expires?:
 *   string, used?: string }} Key */
/** @typedef {{ id: string, owner: string, current: boolean, created: string, used: string }} BrowserSession */
/** @typedef {{ principal: string, since: string }} Disabled */
/** @typedef {{ seq: number, time: string, clock_stepped?: boolean, principal: string, address?: string, verb: string,
 *   target: string, old?: string, new?: string, reason?: string, result: string }} AuditEntry */

/** @returns {Promise<Me>} who this is, as far as the server knows */
export function me() {
  return ask("/api/v1/me");
}

/** @param {string} name @param {string} password @returns {Promise<Me>} */
export function logIn(name, password) {
  return ask("/api/v1/login", sending("POST", { name, password }));
}

/** @returns {Promise<null>} */
export function logOut() {
  return ask("/api/v1/login", { method: "DELETE" });
}

/** Whether one may read all that a filter of paths means. @param {string} elements @returns {Promise<boolean>} */
export async function mayRead(elements) {
  return (await ask("/api/v1/access/explain", sending("POST", { verb: "read", elements }))).allowed;
}

/** @param {string} current @param {string} wanted @returns {Promise<null>} */
export function changePassword(current, wanted) {
  return ask("/api/v1/me/password", sending("PUT", { current, new: wanted }));
}

/** All pages of a list. @param {string} list @param {string} at @returns {Promise<any[]>} */
async function all(list, at) {
  const found = [];
  /** @type {string | undefined} */
  let cursor;
  do {
    const page = await ask(at + query({ limit: 1000, cursor }));
    found.push(...page[list]);
    cursor = page.next_cursor;
  } while (cursor !== undefined);
  return found;
}

/** @returns {Promise<User[]>} */
export function users() {
  return all("users", "/api/v1/users");
}

/** @param {{ name: string, password?: string, roles: string[] }} user @returns {Promise<User>} */
export function addUser(user) {
  return ask("/api/v1/users", sending("POST", user));
}

/** @param {string} name @param {{ roles?: string[], disabled?: boolean, password?: string }} change @returns {Promise<User>} */
export function changeUser(name, change) {
  return ask(`/api/v1/users/${encodeURIComponent(name)}`, sending("PUT", change));
}

/** @param {string} name @returns {Promise<null>} */
export function removeUser(name) {
  return ask(`/api/v1/users/${encodeURIComponent(name)}`, { method: "DELETE" });
}

/** @returns {Promise<Role[]>} */
export async function roles() {
  const { roles } = await ask("/api/v1/roles");
  return roles;
}

/** @param {string} name @param {{ grants: string[], pins: string[] }} role @returns {Promise<Role>} */
export function setRole(name, role) {
  return ask(`/api/v1/roles/${encodeURIComponent(name)}`, sending("PUT", role));
}

/** @param {string} name @returns {Promise<null>} */
export function removeRole(name) {
  return ask(`/api/v1/roles/${encodeURIComponent(name)}`, { method: "DELETE" });
}

/** All of them for who may see them, otherwise one's own. @returns {Promise<Key[]>} */
export function keys() {
  return all("keys", "/api/v1/keys");
}

/** @param {{ label: string, owner?: string, verbs?: string[], expires?: string }} key @returns {Promise<Key & { secret: string }>} */
export function addKey(key) {
  return ask("/api/v1/keys", sending("POST", key));
}

/** @param {string} id @returns {Promise<null>} */
export function removeKey(id) {
  return ask(`/api/v1/keys/${encodeURIComponent(id)}`, { method: "DELETE" });
}

/** All of them for who may see them, otherwise one's own. @returns {Promise<BrowserSession[]>} */
export function sessions() {
  return all("sessions", "/api/v1/sessions");
}

/** @param {string} id @returns {Promise<null>} */
export function endSession(id) {
  return ask(`/api/v1/sessions/${encodeURIComponent(id)}`, { method: "DELETE" });
}

/** Names in tokens and certificates that are not let in. @returns {Promise<Disabled[]>} */
export function disabled() {
  return all("disabled", "/api/v1/disabled");
}

/** @param {string} principal @returns {Promise<null>} */
export function disable(principal) {
  return ask(`/api/v1/disabled/${encodeURIComponent(principal)}`, { method: "PUT" });
}

/** @param {string} principal @returns {Promise<null>} */
export function enable(principal) {
  return ask(`/api/v1/disabled/${encodeURIComponent(principal)}`, { method: "DELETE" });
}

/** @param {Record<string, string | number | undefined>} wanted @returns {Promise<{ entries: AuditEntry[], next_cursor?: string }>} */
export function audit(wanted) {
  return ask(`/api/v1/audit${query({ ...wanted, format: "json" })}`);
}

/** @returns {Promise<{ head: string, seq: number, key: string }>} */
export function auditHead() {
  return ask("/api/v1/audit/head");
}
