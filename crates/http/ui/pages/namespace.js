//! The Namespace: the tree on one side, everything about the chosen element on the other.
//!
//! The tree outlives its page: who comes back finds it as it was. Only what is in sight is followed.
//! Invariant: the address names the chosen element, so it can be sent to somebody.

import { filterOf, pageOf } from "../address.js";
import { Details } from "../details.js";
import { element } from "../api.js";
import { ElementTree } from "../element-tree.js";
import { el } from "../dom.js";
import { firstSteps } from "../first-steps.js";
import { poll } from "../poll.js";
import { TreeView } from "../tree-view.js";

/** @typedef {import("../page.js").Surroundings} Surroundings */
/** @typedef {import("../element-tree.js").Node} Node */

/** How often the parents in sight are asked whether they have other children; streams tell only of samples. */
const LOOK_EVERY = 4000;
const FIELDS = ["value", "quality", "timestamp", "received", "datatype", "unit", "revision"];

/** @type {NamespacePage | null} */
let kept = null;

/** @param {Surroundings} around @param {string} path */
export function namespacePage(around, path) {
  kept ??= new NamespacePage(around);
  kept.enter(around, path);
  return kept.element;
}

class NamespacePage {
  element = el("div", { class: "namespace" });
  #tree;
  #view;
  #details;
  #live;
  /** @type {{ change: (filters: string[]) => void, end: () => void } | null} */
  #following = null;
  /** @type {Node[]} */
  #inSight = [];
  #go;
  #rereading = 0;
  #nothing = el("div", { class: "nothing", hidden: true });

  /** @param {Surroundings} around */
  constructor({ live, samples, session, go }) {
    this.#nothing.append(firstSteps(session));
    this.#live = live;
    this.#go = go;
    this.#tree = new ElementTree(samples);
    this.#view = new TreeView(this.#tree, samples, {
      choose: (node) => this.#go(pageOf(node.path)),
      inSight: (nodes) => this.#see(nodes),
    });
    this.#details = new Details(samples, live, session);
    this.#view.element.append(this.#nothing);
    this.element.append(this.#view.element, this.#details.element);
    this.#tree.listen(() => {
      const { children } = this.#tree.root;
      const isEmpty = children !== null && children.length === 0;
      this.#nothing.hidden = !isEmpty;
      this.element.classList.toggle("empty", isEmpty);
      this.#view.relist();
    });
    samples.listen((paths) => {
      this.#view.changed(paths);
      this.#details.changed(paths);
    });
    live.addEventListener("reread", () => {
      samples.distrust();
      clearTimeout(this.#rereading);
      // Each subscription says so; the tree is asked for once.
      this.#rereading = setTimeout(() => void this.#tree.reload(), 100);
    });
  }

  /** @param {Surroundings} around @param {string} path */
  enter({ samples, signal, go }, path) {
    this.#go = go;
    this.element.classList.toggle("showing", path !== "");
    this.#following ??= this.#live.follow(
      [],
      ({ samples: heard, removed, event }) => {
        samples.heard(heard, removed);
        if (event === "changes" && removed.length > 0) void this.#look();
      },
      { fields: FIELDS },
    );
    const timer = setInterval(() => {
      this.#view.tick();
      this.#details.tick();
    }, 1000);
    signal.addEventListener("abort", () => {
      clearInterval(timer);
      this.#details.hide();
      this.#following?.end();
      this.#following = null;
    });
    void poll(
      LOOK_EVERY,
      signal,
      () => this.#look(),
      () => {},
    );
    void this.#show(path);
    if (this.#inSight.length > 0) this.#see(this.#inSight);
  }

  /** @param {string} path */
  async #show(path) {
    const shown = this.#details.show(path);
    if (!this.#tree.root.children) {
      await this.#tree.more(this.#tree.root);
      await this.#unfold();
    }
    if (path !== "") await this.#tree.reveal(path).catch(() => undefined);
    this.#view.choose(path);
    this.#view.focus();
    await shown;
  }

  /** Opens what has no choice: the only plant there is. */
  async #unfold() {
    for (let node = this.#tree.root; ;) {
      const own = (node.children ?? []).filter((child) => !child.name.startsWith("_") && child.about.kind !== "metric");
      if (own.length !== 1) return;
      await this.#tree.open(own[0]);
      node = own[0];
    }
  }

  /** @param {Node[]} nodes */
  #see(nodes) {
    this.#inSight = nodes;
    const filters = nodes
      .filter((node) => node.about.kind === "metric" || node.about.kind === "document" || node.about.datatype)
      .map((node) => filterOf(node.path));
    this.#following?.change([...new Set(filters)].sort());
  }

  /** Asks parents of what is in sight how many children they have, and reads those anew that have others. */
  async #look() {
    const parents = new Set(this.#inSight.map((node) => node.parent).filter((parent) => parent?.children));
    if (parents.size === 0) parents.add(this.#tree.root);
    for (const parent of parents) {
      if (!parent || parent.asking) continue;
      const about = await element(parent.path, { depth: 0 }).catch(() => null);
      const known = parent.about.children_count;
      if (!about || about.children_count !== known) await this.#tree.refresh(parent);
    }
  }
}
