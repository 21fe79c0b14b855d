//! The figures of `/metrics`, and how fast those that count go up.
//!
//! Knows the text format and no name of a metric. Invariant: a counter that went down belongs to another process,
//! and has no
//! rate until it was read twice.

/** @typedef {{ name: string, labels: Map<string, string>, value: number }} Figure */

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

export class Figures {
  /** @type {Figure[]} */
  #now = [];
  /** @type {{ at: number, figures: Figure[] } | null} */
  #before = null;
  #at = 0;

  /** @param {string} text @param {number} at milliseconds */
  take(text, at) {
    if (this.#now.length > 0) this.#before = { at: this.#at, figures: this.#now };
    this.#at = at;
    this.#now = text.split("\n").flatMap((line) => {
      const parts = line.startsWith("#") ? null : LINE.exec(line);
      if (!parts) return [];
      const labels = new Map([...(parts[2] ?? "").matchAll(LABEL)].map(([, key, value]) => [key, value]));
      return [{ name: parts[1], labels, value: Number(parts[3]) }];
    });
  }

  /** The sum over all labels, or of those with this one. @param {string} name @param {string} [label] */
  sum(name, label) {
    return sumOf(this.#now, name, label);
  }

  /** @param {string} name @returns {[string, number][]} by the value of the first label */
  each(name) {
    return this.#now
      .filter((figure) => figure.name === name)
      .map((figure) => [figure.labels.values().next().value ?? "", figure.value]);
  }

  /** Per second since the last time; none until there were two. @param {string} name @param {string} [label] */
  rate(name, label) {
    if (!this.#before || this.#at <= this.#before.at) return null;
    const before = sumOf(this.#before.figures, name, label);
    const gained = this.sum(name, label) - before;
    return gained < 0 ? null : (gained * 1000) / (this.#at - this.#before.at);
  }
}

/** @param {Figure[]} figures @param {string} name @param {string | undefined} label */
function sumOf(figures, name, label) {
  return figures
    .filter((figure) => figure.name === name && (label === undefined || [...figure.labels.values()].includes(label)))
    .reduce((sum, figure) => sum + figure.value, 0);
}

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
