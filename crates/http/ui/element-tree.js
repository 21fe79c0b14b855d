//! What of the plant's tree has been asked for, and in which order its lines stand.
//!
//! Children are asked for when their parent is opened, a page at a time. The lines are the opened part of the tree, one
//! below the other; they are put together anew when something was opened, closed or answered.
//! Knows nothing of the page. Invariant: a node is in its parent's children, and each path once.

import { element, Refusal } from "./api.js";
import { wayTo } from "./address.js";

/** @typedef {import("./api.js").Element} Element */
/** @typedef {import("./samples.js").Samples} Samples */
/** @typedef {{ path: string, name: string, about: Element, depth: number, parent: Node | null, isOpen: boolean,
 *   place: number, line: number, asLine: Line, children: Node[] | null, cursor: string | undefined, asking:
 *   Promise<void> | null, refused: string | null }} Node */
/** @typedef {{ of: "element", node: Node } | { of: "more", node: Node }} Line `more` stands for children not yet
 *   there */

/** Children of one page; the most that the API tells at once. */
const PAGE = 1000;
/** Questions under way at once. */
const ASKED_MAX = 3;

export class ElementTree {
  /** @type {Node} */
  root = ElementTree.#node({ path: "", name: "", children_count: 0 }, null);
  /** @type {Line[] | null} */
  #lines = null;
  /** @type {Map<string, Node>} */
  #byPath = new Map();
  /** @type {Set<() => void>} */
  #listeners = new Set();
  #samples;
  #telling = 0;
  #asked = 0;
  /** @type {((value: unknown) => void)[]} */
  #waiting = [];

  /** @param {Samples} samples */
  constructor(samples) {
    this.#samples = samples;
    this.root.isOpen = true;
    this.#byPath.set("", this.root);
  }

  /** @param {() => void} listener told that the lines have changed */
  listen(listener) {
    this.#listeners.add(listener);
  }

  /** @returns {Line[]} */
  lines() {
    if (!this.#lines) {
      this.#lines = [];
      this.#list(this.root, this.#lines);
    }
    return this.#lines;
  }

  /** @param {string} path */
  find(path) {
    return this.#byPath.get(path);
  }

  /** The number of an element's line; -1 while it is not among them. @param {string} path */
  lineOf(path) {
    const lines = this.lines();
    const node = this.#byPath.get(path);
    return node && lines[node.line]?.node === node ? node.line : -1;
  }

  /** @param {Node} node */
  async open(node) {
    if (node.about.children_count === 0) return;
    node.isOpen = true;
    this.#changed();
    if (!node.children) await this.more(node);
  }

  /** @param {Node} node */
  close(node) {
    node.isOpen = false;
    this.#changed();
  }

  /** Asks for the next page of children, unless that is under way. @param {Node} node */
  more(node) {
    if (!node.asking && (!node.children || node.cursor !== undefined)) {
      node.asking = this.#inTurn(() => this.#ask(node, node.cursor)).finally(() => {
        node.asking = null;
        this.#changed();
      });
    }
    return node.asking ?? Promise.resolve();
  }

  /**
   * Opens the way to an element. What stands beyond the pages that are known is put at the end of them.
   * @param {string} path @returns {Promise<Node | undefined>} none if there is no such element
   */
  async reveal(path) {
    let node = this.root;
    await this.#known(node);
    for (const step of path === "" ? [] : wayTo(path)) {
      let child = this.#byPath.get(step);
      if (!child) {
        const about = await element(step, { depth: 0 });
        child = this.#byPath.get(step) ?? this.#adopt(node, about);
      }
      node.isOpen = true;
      node = child;
      if (node.path !== path) await this.#known(node);
    }
    this.#changed();
    return node;
  }

  /** Asks anew for the children of everything that is open, keeping what is open. */
  async reload() {
    /** @type {Node[]} */
    const open = [];
    for (const node of this.#byPath.values()) if (node.isOpen && node.children) open.push(node);
    for (const node of open) await this.refresh(node);
  }

  /** Asks anew for as many children as are known, and drops those that are gone. @param {Node} node */
  async refresh(node) {
    if (node.asking || this.#byPath.get(node.path) !== node) return;
    const wanted = Math.max(node.children?.length ?? 0, PAGE);
    const known = new Map((node.children ?? []).map((child) => [child.path, child]));
    /** @type {Node[]} */
    const children = [];
    /** @type {string | undefined} */
    let cursor;
    do {
      let page;
      try {
        page = await element(node.path, { limit: PAGE, cursor });
      } catch (error) {
        if (error instanceof Refusal && error.status === 404) this.#drop(node);
        this.#changed();
        return;
      }
      node.about = { ...page, children: undefined };
      for (const about of page.children ?? []) {
        const child = known.get(about.path ?? "");
        if (child) {
          known.delete(child.path);
          child.about = about;
          this.#note(about);
          children.push(child);
        } else {
          children.push(this.#admit(node, about));
        }
      }
      cursor = page.next_cursor;
    } while (cursor !== undefined && children.length < wanted);
    node.cursor = cursor;
    // Beyond the pages asked for, what was revealed may still be there.
    const beyond = cursor === undefined ? [] : [...known.values()];
    if (cursor === undefined) for (const gone of known.values()) this.#drop(gone);
    node.children = [...children, ...beyond];
    this.#changed();
  }

  /**
   * Lets few questions be under way at once, so that no answer makes the page stand still.
   * @param {() => Promise<void>} question
   */
  async #inTurn(question) {
    while (this.#asked >= ASKED_MAX) await new Promise((resolve) => this.#waiting.push(resolve));
    this.#asked += 1;
    try {
      await question();
    } finally {
      this.#asked -= 1;
      this.#waiting.shift()?.(undefined);
    }
  }

  /** @param {Node} node */
  async #known(node) {
    if (node.asking) await node.asking;
    if (!node.children) await this.more(node);
  }

  /** @param {Node} node @param {string | undefined} cursor */
  async #ask(node, cursor) {
    try {
      const page = await element(node.path, { limit: PAGE, cursor });
      node.refused = null;
      node.about = { ...node.about, ...page, children: undefined };
      node.cursor = page.next_cursor;
      const added = (page.children ?? []).map(
        (about) => this.#byPath.get(about.path ?? "") ?? this.#admit(node, about),
      );
      // What was revealed before its page came takes its place now.
      const paths = new Set(added.map((child) => child.path));
      node.children = [...(node.children ?? []).filter((child) => !paths.has(child.path)), ...added];
    } catch (error) {
      node.refused = error instanceof Error ? error.message : String(error);
      if (!node.children) node.isOpen = node === this.root;
    }
  }

  /** A child that is not on the pages known so far. @param {Node} parent @param {Element} about */
  #adopt(parent, about) {
    const child = this.#admit(parent, about);
    parent.children = [...(parent.children ?? []), child];
    return child;
  }

  /** @param {Node} parent @param {Element} about */
  #admit(parent, about) {
    const child = ElementTree.#node(about, parent);
    this.#byPath.set(child.path, child);
    this.#note(about);
    return child;
  }

  /** @param {Element} about */
  #note(about) {
    if (!about.sample) return;
    // There may be a hundred thousand: what is not shown is not kept.
    about.sample.source = undefined;
    this.#samples.seen(about.sample);
    about.sample = undefined;
  }

  /** @param {Node} node */
  #drop(node) {
    this.#byPath.delete(node.path);
    for (const child of node.children ?? []) this.#drop(child);
    const siblings = node.parent?.children;
    if (node.parent && siblings) node.parent.children = siblings.filter((sibling) => sibling !== node);
  }

  /** Those who listen are told once for all that changes until the next frame. */
  #changed() {
    this.#lines = null;
    this.#telling ||= requestAnimationFrame(() => {
      this.#telling = 0;
      for (const listen of this.#listeners) listen();
    });
  }

  /** @param {Node} node @param {Line[]} lines */
  #list(node, lines) {
    for (const [place, child] of (node.children ?? []).entries()) {
      child.place = place;
      child.line = lines.length;
      lines.push(child.asLine);
      if (child.isOpen) this.#list(child, lines);
    }
    if (!node.children || node.cursor !== undefined || node.refused) lines.push({ of: "more", node });
  }

  /** @param {Element} about @param {Node | null} parent @returns {Node} */
  static #node(about, parent) {
    /** @type {any} */
    const node = {
      path: about.path ?? "",
      name: about.name ?? "",
      about,
      depth: parent ? parent.depth + 1 : 0,
      parent,
      isOpen: false,
      place: 0,
      line: -1,
      children: null,
      cursor: undefined,
      asking: null,
      refused: null,
    };
    // Made once: the lines are put together for each answer, and there may be a hundred thousand.
    node.asLine = { of: "element", node };
    return node;
  }
}
