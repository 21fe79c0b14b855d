//! Who is looking, and what he may do here.
//!
//! The server says so; this page only leaves out what would be refused anyway. Whatever is answered with "not logged in"
//! leads to the login and back to where somebody was.
//! Knows no page. Invariant: no password is kept, and no cookie is seen by a script.

import * as access from "./access-api.js";
import { keepCsrf, whenNobody } from "./api.js";

/** @typedef {import("./access-api.js").Me} Me */

/** How often the server is asked at most whether this is still somebody. */
const CHECK_EVERY = 1000;

export class Session extends EventTarget {
  /** What is known of who is looking; none until the server has said it. @type {Me | null} */
  me = null;
  /** Nobody is, and nothing is shown to nobody. */
  isOut = false;
  /** Somebody was, until the server said otherwise. */
  hasEnded = false;
  #checked = -Infinity;

  constructor() {
    super();
    whenNobody(() => void this.checkSoon());
  }

  /** Asks who this is; `change` is told to whoever listens. */
  async check() {
    this.#checked = performance.now();
    try {
      this.#become(await access.me());
    } catch {
      // A server that does not answer does not say that anybody is logged out.
    }
  }

  /** The same, unless it was asked just now. */
  async checkSoon() {
    if (performance.now() - this.#checked > CHECK_EVERY) await this.check();
  }

  /** @param {string} name @param {string} password */
  async logIn(name, password) {
    this.#become(await access.logIn(name, password));
  }

  /** Ends the session; whoever asked for it leaves the page. */
  async logOut() {
    await access.logOut();
  }

  /** Whether it is known who is looking, where that has to be known. */
  isSomebody() {
    return Boolean(this.me?.login_required && this.me.logged_in);
  }

  /** Whether anything can be set. */
  mayCommand() {
    return this.me?.verbs.includes("command") ?? true;
  }

  /** @param {string} area @param {"read" | "admin"} verb */
  mayManage(area, verb) {
    return this.me === null || Boolean(this.me.areas[area]?.includes(verb));
  }

  /** @param {Me} me */
  #become(me) {
    const before = JSON.stringify([this.me, this.isOut]);
    const wasSomebody = this.isSomebody();
    this.me = me;
    this.isOut = me.login_required && !me.logged_in && me.verbs.length === 0;
    this.hasEnded = !me.logged_in && (wasSomebody || this.hasEnded);
    keepCsrf(me.csrf ?? null);
    if (before !== JSON.stringify([me, this.isOut])) this.dispatchEvent(new Event("change"));
  }
}
