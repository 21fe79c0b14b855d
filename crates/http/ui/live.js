//! The one WebSocket of the page: follows what is visible, comes back by itself, and says when it cannot.
//!
//! Whoever wants to be told asks with `follow` and may change what is followed at any time; after a broken
//! connection every
//! subscription goes on from the position it had. Nobody hears of a subscription that has been changed meanwhile.
//! Knows nothing of elements. Invariant: while `state` is `lost` what is shown may be old, and `since` says as of when.

import { isAlive } from "./api.js";

/** @typedef {import("./api.js").Sample} Sample */
/** @typedef {{ event: "snapshot" | "changes" | "reread", samples: Sample[], removed: string[] }} Heard */
/** @typedef {{ filters: string[], fields?: string[], interval: number, hear: (heard: Heard) => void, ids: Set<string>
 *   }} Wish */
/** @typedef {{ wish: Wish, filters: string[], position?: string }} Subscription */

/** Filters of one subscription, as the server bounds them by default. */
const FILTERS_MAX = 32;
/** Characters of filters in one subscription: its message has to stay within what the server takes, in whatever script. */
const FILTERS_LEN_MAX = 15_000;
/** How often the server is asked whether it is there: a connection that was cut somewhere on the way says nothing. */
const HEARTBEAT = 5000;
const PATIENCE = 4000;
/** The first wait before another attempt, and the longest. */
const WAIT_MIN = 300;
const WAIT_MAX = 5000;

export class Live extends EventTarget {
  /** @type {"connecting" | "live" | "lost"} */
  state = "connecting";
  /** Since when it is in this state, by this machine's clock. */
  since = Date.now();

  /** Why the server does not tell what was asked for last, if it does not. @type {string | null} */
  refused = null;

  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {Set<Wish>} */
  #wishes = new Set();
  /** @type {Map<string, Subscription>} */
  #subscriptions = new Map();
  #next = 1;
  #wait = WAIT_MIN;
  #timer = 0;
  #isOn = false;

  constructor() {
    super();
    setInterval(() => void this.#beat(), HEARTBEAT);
    const now = () => {
      if (this.#isOn && this.state === "lost" && !document.hidden) this.#soon(0);
    };
    addEventListener("online", now);
    document.addEventListener("visibilitychange", now);
  }

  /** Connects, and does so again whenever that is lost. */
  start() {
    if (this.#isOn) return;
    this.#isOn = true;
    this.#connect();
  }

  /** Leaves, until it is started again: nobody is looking who may. */
  stop() {
    this.#isOn = false;
    clearTimeout(this.#timer);
    this.#leave();
    this.#become("connecting");
  }

  /**
   * Follows what the filters cover until it is ended.
   * @param {string[]} filters @param {(heard: Heard) => void} hear @param {{ fields?: string[], interval?: number }}
   *   [more]
   */
  follow(filters, hear, { fields, interval = 250 } = {}) {
    /** @type {Wish} */
    const wish = { filters: [], fields, interval, hear, ids: new Set() };
    this.#wishes.add(wish);
    this.#change(wish, filters);
    return {
      /** @param {string[]} filters */
      change: (filters) => this.#change(wish, filters),
      end: () => {
        this.#change(wish, []);
        this.#wishes.delete(wish);
      },
    };
  }

  /** @param {Wish} wish @param {string[]} filters */
  #change(wish, filters) {
    const wanted = new Set(lots(filters).map((lot) => JSON.stringify(lot)));
    for (const id of [...wish.ids]) {
      const known = JSON.stringify(this.#subscriptions.get(id)?.filters);
      if (wanted.delete(known)) continue;
      wish.ids.delete(id);
      this.#subscriptions.delete(id);
      this.#say({ unsubscribe: { id } });
    }
    for (const lot of wanted) {
      const id = String(this.#next++);
      wish.ids.add(id);
      this.#subscriptions.set(id, { wish, filters: JSON.parse(lot) });
      this.#subscribe(id);
    }
    wish.filters = filters;
  }

  /** @param {string} id */
  #subscribe(id) {
    const subscription = this.#subscriptions.get(id);
    if (!subscription) return;
    const { wish, filters, position } = subscription;
    this.#say({ subscribe: { id, filter: filters, interval: wish.interval, fields: wish.fields, since: position } });
  }

  /** @param {object} message */
  #say(message) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #connect() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/api/v1/ws`);
    this.#socket = socket;
    socket.onopen = () => {
      this.#wait = WAIT_MIN;
      this.#become("live");
      for (const id of this.#subscriptions.keys()) this.#subscribe(id);
    };
    socket.onmessage = ({ data }) => this.#heard(JSON.parse(data));
    socket.onclose = () => {
      if (this.#socket === socket) this.#lost();
    };
  }

  #leave() {
    const socket = this.#socket;
    this.#socket = null;
    if (socket) {
      socket.onclose = socket.onmessage = socket.onopen = null;
      socket.close();
    }
  }

  #lost() {
    this.#leave();
    this.#become("lost");
    this.#soon(this.#wait * (0.75 + Math.random() / 2));
    this.#wait = Math.min(WAIT_MAX, this.#wait * 2);
  }

  /** @param {number} wait */
  #soon(wait) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#connect(), wait);
  }

  async #beat() {
    if (this.state !== "live") return;
    if (!(await isAlive(PATIENCE)) && this.state === "live") this.#lost();
  }

  /** @param {"connecting" | "live" | "lost"} state */
  #become(state) {
    if (this.state === state) return;
    this.state = state;
    this.since = Date.now();
    this.dispatchEvent(new Event("state"));
  }

  /** @param {string | null} why */
  #refuse(why) {
    if (this.refused === why) return;
    this.refused = why;
    this.dispatchEvent(new Event("state"));
  }

  /** @param {any} message */
  #heard(message) {
    const subscription = this.#subscriptions.get(message.id);
    if (!subscription) return;
    if (message.event === "problem") this.#refuse(message.problem.detail);
    if (message.event === "subscribed") this.#refuse(null);
    if (message.position) subscription.position = message.position;
    if (message.event === "reread") {
      subscription.position = undefined;
      subscription.wish.hear({ event: "reread", samples: [], removed: [] });
      this.dispatchEvent(new CustomEvent("reread", { detail: message.data.reason }));
    } else if (message.event === "snapshot" || message.event === "changes") {
      const { samples, removed = [] } = message.data;
      subscription.wish.hear({ event: message.event, samples, removed });
    }
  }
}

/** Filters in as few subscriptions as they fit; one that fits none is left out. @param {string[]} filters */
function lots(filters) {
  /** @type {string[][]} */
  const lots = [];
  let room = 0;
  for (const filter of filters.filter(({ length }) => length <= FILTERS_LEN_MAX)) {
    const lot = lots.at(-1);
    if (lot && lot.length < FILTERS_MAX && filter.length <= room) lot.push(filter);
    else {
      lots.push([filter]);
      room = FILTERS_LEN_MAX;
    }
    room -= filter.length;
  }
  return lots;
}
