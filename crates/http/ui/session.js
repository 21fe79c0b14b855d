//! Who is looking, and what he may do here.
//!
//! The server says so; this page only leaves out what would be refused anyway. Whatever is answered with "not logged in"
//! leads to the login and back to where somebody was.
//! Knows no page. Invariant: no password is kept, and no cookie is seen by a script.

import * as api from "./api.js";

/** @typedef {import("./api.js").Me} Me */

/** How often the server is asked at most whether this is still somebody. */
const CHECK_EVERY = 2000;

export class Session extends EventTarget {
  /** What is known of who is looking; none until the server has said it. @type {Me | null} */
  me = null;
  /** Nobody is, and nothing is shown to nobody. */
  isOut = false;
  /** Somebody was, until a moment ago. */
  hasEnded = false;
  #checked = -Infinity;

  constructor() {
    super();
    api.whenNobody(() => this.#out());
  }

  /** Asks who this is. Nobody who has to be somebody is told to the listeners of `change`. */
  async check() {
    this.#checked = performance.now();
    try {
      this.#become(await api.me());
    } catch (error) {
      // A server that does not answer does not say that anybody is logged out; of one without logins everybody is welcome.
      if (error instanceof api.Refusal && error.status === 404) this.#become(null);
    }
  }

  /** The same, unless it was asked just now. */
  async checkSoon() {
    if (performance.now() - this.#checked > CHECK_EVERY) await this.check();
  }

  /** @param {string} name @param {string} password */
  async logIn(name, password) {
    await api.logIn(name, password);
    this.hasEnded = false;
    await this.check();
  }

  async logOut() {
    await api.logOut();
    this.hasEnded = false;
    this.me = null;
    await this.check();
  }

  /** Whether somebody is who had to prove it. */
  isSomebody() {
    return this.me !== null && this.me.login_required && this.me.principal !== "anonymous";
  }

  /** Whether something can be set at all. */
  mayCommand() {
    return this.#isOpen() || Boolean(this.me?.verbs.includes("command"));
  }

  /** @param {string} area @param {"read" | "admin"} verb */
  mayManage(area, verb) {
    return this.#isOpen() || Boolean(this.me?.areas?.[area]?.includes(verb));
  }

  #isOpen() {
    return this.me === null || !this.me.login_required;
  }

  /** @param {Me | null} me */
  #become(me) {
    const before = JSON.stringify([this.me, this.isOut]);
    this.me = me;
    this.isOut = false;
    api.keepCsrf(me?.csrf ?? null);
    if (before !== JSON.stringify([me, false])) this.dispatchEvent(new Event("change"));
  }

  #out() {
    if (this.isOut) return;
    this.hasEnded = this.isSomebody();
    this.isOut = true;
    this.me = null;
    api.keepCsrf(null);
    this.dispatchEvent(new Event("change"));
  }
}
