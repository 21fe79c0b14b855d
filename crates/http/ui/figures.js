//! How fast what is counted goes up.
//!
//! Knows nothing of what is counted. Invariant: a count that went down belongs to another process, and has no rate until it
//! was read twice.

/** How fast counts of things with a name go up, from one look to the next. */
export class Rates {
  /** @type {Map<string, { at: number, count: number, rate: number | null }>} */
  #seen = new Map();

  /** @param {string} key @param {number} count @param {number} at milliseconds @returns {number | null} per second */
  take(key, count, at) {
    const before = this.#seen.get(key);
    if (before && at - before.at < 500) return before.rate;
    const rate = !before || count < before.count ? null : ((count - before.count) * 1000) / (at - before.at);
    this.#seen.set(key, { at, count, rate });
    return rate;
  }
}
