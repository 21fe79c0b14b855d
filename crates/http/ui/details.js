//! Everything about one element, beside the tree.
//!
//! What is declared of an element is asked for once; its sample is the one that the tree shows, followed as long as the
//! element is shown. Members that this page does not know are shown as they are told.
//! Invariant: what is shown is about the element that was chosen last, whatever answers come late.

import * as api from "./api.js";
import { edgeNodePage, encodePath, filterOf, isAskable, pageOf, wayTo } from "./address.js";
import { Chart } from "./chart.js";
import { copyButton, el, facts, fill, longText, name } from "./dom.js";
import { age, isNumeric, level, many, plain, words } from "./format.js";
import { mark, quality } from "./marks.js";
import { Members } from "./members.js";
import { composed, fields, isComposed, json } from "./value-view.js";
import { when } from "./when.js";
import { writeForm } from "./write.js";

/** @typedef {import("./samples.js").Samples} Samples */
/** @typedef {import("./live.js").Live} Live */

/** Members of an element that have a place of their own here. */
const PLACED = new Set([
  "path",
  "name",
  "level",
  "kind",
  "equipment",
  "datatype",
  "unit",
  "description",
  "low",
  "high",
  "owner",
  "tags",
  "properties",
  "conflict",
  "conflict_owner",
  "reason",
  "type",
  "contexts",
  "sample",
  "children_count",
  "children",
  "next_cursor",
  "truncated",
]);

export class Details {
  element = el("aside", { class: "details", "aria-label": "Details" });
  #samples;
  #live;
  #session;
  #path = "";
  /** @type {api.Element | null} */
  #about = null;
  /** @type {api.Sample | null} with all its members, as one question answered */
  #full = null;
  /** @type {{ end: () => void } | null} */
  #following = null;
  #reading = el("div", { class: "reading" });
  #times = el("div");
  #composed = el("div");
  #chart = new Chart();
  #members;
  #context = el("div");
  /** @type {ReturnType<typeof writeForm>} */
  #form = null;

  /** @param {Samples} samples @param {Live} live @param {import("./session.js").Session} session */
  constructor(samples, live, session) {
    this.#session = session;
    this.#samples = samples;
    this.#live = live;
    this.#members = new Members(samples, live);
  }

  /** @param {string} path */
  async show(path) {
    this.hide();
    this.#path = path;
    if (path === "")
      return fill(this.element, el("p", { class: "empty" }, "Choose an element of the tree, or press / to search."));
    try {
      const about = await api.element(path, { depth: 0 });
      const full = about.sample ? await api.sample(path) : null;
      if (path !== this.#path) return;
      this.#about = about;
      this.#full = full;
      if (full) this.#samples.seen(full);
      this.#build();
      if (about.children_count > 0) void this.#members.show(path).catch(() => {});
      void this.#showContext(about);
      if (full) {
        this.#following = this.#live.follow([filterOf(path)], ({ samples, removed }) =>
          this.#samples.heard(
            samples.filter((sample) => sample.path === path),
            removed.filter((gone) => gone === path),
          ),
        );
      }
    } catch (error) {
      if (path !== this.#path) return;
      fill(
        this.element,
        this.#head(),
        el("p", { class: "refused" }, error instanceof Error ? error.message : String(error)),
      );
    }
  }

  /** Nothing is shown or followed any more. */
  hide() {
    this.#following?.end();
    this.#following = null;
    this.#members.hide();
    fill(this.#context);
    this.#about = this.#full = this.#form = null;
    this.#path = "";
  }

  /** @param {Set<string>} paths */
  changed(paths) {
    if (this.#full && paths.has(this.#path)) this.#showSample();
    this.#members.changed(paths);
  }

  tick() {
    if (this.#full) this.#showSample();
  }

  #build() {
    const about = /** @type {api.Element} */ (this.#about);
    const full = this.#full;
    const isSettable = full && this.#session.mayCommand();
    this.#form = isSettable ? writeForm({ ...full, unit: full.unit ?? about.unit }, this.#samples) : null;
    fill(
      this.element,
      this.#head(),
      full && this.#reading,
      full && this.#composed,
      about.description ? el("p", {}, longText(about.description)) : null,
      full && isNumeric(full.datatype)
        ? el("section", {}, el("h2", {}, "Since this page was opened"), this.#chart.element)
        : null,
      this.#form?.element,
      full && el("section", {}, el("h2", {}, "Sample"), this.#times),
      this.#members.element,
      this.#context,
      this.#declared(about),
      full?.source && this.#source(full.source),
      this.#conflict(about),
      this.#properties(about),
      ...this.#others(about),
      this.#raw(),
    );
    this.#showSample();
  }

  #head() {
    const way = wayTo(this.#path);
    const crumbs = way
      .slice(0, -1)
      .flatMap((path) => [el("a", { href: pageOf(path) }, name(path.slice(path.lastIndexOf("/") + 1))), "/"]);
    const about = this.#about;
    const tier = level(about?.level);
    return el(
      "header",
      {},
      el("a", { href: pageOf(""), class: "button back" }, "Back to the tree"),
      el("nav", { class: "crumbs", "aria-label": "Way to this element" }, ...crumbs),
      el(
        "h1",
        {},
        tier ? el("span", { class: `level ${about?.level}` }, tier[1]) : null,
        longText(this.#path.slice(this.#path.lastIndexOf("/") + 1) || "(empty)", 120),
      ),
      el(
        "div",
        { class: "together" },
        copyButton("Copy path", () => this.#path),
        this.#full ? copyButton("Copy topic", () => topicOf(this.#full?.source) ?? this.#path) : null,
        copyButton("Copy curl", () => this.#curl()),
      ),
    );
  }

  #curl() {
    const kind = this.#full ? "values" : "namespace";
    if (!isAskable(this.#path)) {
      const json = JSON.stringify({ paths: [this.#path] }).replaceAll("'", "\\u0027");
      return `curl -s '${location.origin}/api/v1/values/read' -H 'content-type: application/json' -d '${json}'`;
    }
    return `curl -s '${location.origin}/api/v1/${kind}/${encodePath(this.#path).replaceAll("'", "%27")}'`;
  }

  #showSample() {
    const sample = { ...this.#full, ...this.#samples.get(this.#path) };
    this.#form?.refresh();
    const unit = sample.unit ?? this.#about?.unit;
    const text = plain(sample.value, sample.datatype);
    const isTemplate = sample.datatype === "Template" && sample.value === null;
    const ofType = isTemplate
      ? el("span", { class: "big text" }, name(this.#about?.type?.name ?? "Template"))
      : null;
    const big = isComposed(/** @type {api.Sample} */ (sample)) || isTemplate
      ? ofType
      : el(
          "span",
          { class: `big lives ${typeof sample.value === "string" || sample.value === null ? "text" : ""}` },
          longText(text, 300),
        );
    // A text that somebody has unfolded stays as it is until it changes.
    if (this.#reading.dataset.text !== text || this.#reading.dataset.quality !== `${sample.quality}${sample.gone}`) {
      this.#reading.dataset.text = text;
      this.#reading.dataset.quality = `${sample.quality}${sample.gone}`;
      fill(
        this.#reading,
        big,
        unit ? el("span", { class: "unit" }, name(unit)) : null,
        quality(sample.quality, sample.gone),
        el("span", { class: "soft age" }),
      );
      if (isComposed(/** @type {api.Sample} */ (sample)))
        fill(this.#composed, composed(/** @type {api.Sample} */ (sample)));
      else fill(this.#composed);
    }
    const ago = this.#reading.querySelector(".age");
    if (ago) ago.textContent = `${age(sample.received)} ago`;
    const stamp = `${sample.timestamp} ${sample.received} ${sample.revision} ${sample.gone}`;
    if (this.#times.dataset.stamp !== stamp)
      fill(
        this.#times,
        facts([
          [
            "Timestamp",
            el("span", {}, when(sample.timestamp, { isFull: true }), el("span", { class: "soft" }, " by its source")),
          ],
          ["Received", when(sample.received, { isFull: true })],
          ["Gone since", sample.gone ? when(sample.gone_since, { isFull: true }) : null],
          ["Datatype", sample.datatype ?? null],
          ["Revision", sample.revision ?? null],
        ]),
      );
    this.#times.dataset.stamp = stamp;
    if (isNumeric(sample.datatype)) {
      this.#chart.show(this.#samples.history(this.#path), api.serverNow(), {
        low: this.#about?.low,
        high: this.#about?.high,
      });
    }
  }

  /** @param {api.Element} about */
  #declared(about) {
    const { kind, equipment, unit, low, high, owner, tags, children_count: children } = about;
    const range = low !== undefined || high !== undefined ? `${low ?? "…"} to ${high ?? "…"}` : null;
    return el(
      "section",
      {},
      el("h2", {}, "Element"),
      facts([
        ["Kind", [words(kind), equipment ? `, ${words(equipment)}` : ""]],
        ["Type", about.type ? typeOf(about.type) : null],
        ["Unit", unit ? longText(unit, 80) : null],
        ["Range", range],
        ["Owner", owner ? longText(owner, 80) : null],
        ["Tags", tags?.length ? longText(tags.join(", ")) : null],
        ["Below it", children > 0 ? `${many(children, "element")}` : null],
      ]),
    );
  }

  /** @param {api.Source} source */
  #source(source) {
    if (source.type === "mqtt")
      return el("section", {}, el("h2", {}, "Source"), facts([["MQTT topic", longText(source.topic)]]));
    const { group, edge_node: edgeNode, device, metric, metric_alias: alias } = source;
    return el(
      "section",
      {},
      el("h2", {}, "Source"),
      facts([
        ["Group", longText(group, 200)],
        ["Edge Node", el("a", { href: edgeNodePage(group, edgeNode) }, name(edgeNode))],
        ["Device", device === undefined ? null : longText(device, 200)],
        ["Metric", longText(metric)],
        ["Metric alias", alias === undefined ? null : String(alias)],
      ]),
    );
  }

  /** @param {api.Element} about */
  #conflict(about) {
    if (!about.conflict && !about.reason) return null;
    return el(
      "section",
      {},
      el("h2", {}, about.conflict ? "Conflict" : "Unplaced"),
      facts([
        ["It wanted", about.conflict ? el("a", { href: pageOf(about.conflict) }, name(about.conflict)) : null],
        ["Owned by", about.conflict_owner ? longText(topicOf(about.conflict_owner) ?? "") : null],
        ["Why", about.reason ? longText(about.reason) : null],
      ]),
    );
  }

  /** @param {api.Element} about */
  #properties(about) {
    const entries = Object.entries(about.properties ?? {});
    if (entries.length === 0) return null;
    const list = el("dl", { class: "facts" });
    for (const [key, text] of entries) list.append(el("dt", {}, name(key)), el("dd", {}, longText(plain(text))));
    return el("section", {}, el("h2", {}, "Properties"), list);
  }

  /** What is going on here, as the documents say that apply to it. @param {api.Element} about */
  async #showContext({ path = "", contexts }) {
    if (!contexts || Object.keys(contexts).length === 0) return;
    const told = await api.context(path).catch(() => null);
    if (path !== this.#path || told === null) return;
    const lines = Object.entries(told.context).map(([term, document]) => {
      const { path: at, since, quality: how, value } = document;
      const said =
        typeof value === "object" && value !== null ? fields(value) : longText(plain(value) || "nothing yet");
      return el(
        "div",
        { class: "context" },
        el(
          "p",
          { class: "spread" },
          el("a", { href: pageOf(at) }, name(term)),
          el(
            "span",
            { class: "soft" },
            since ? "since " : "",
            when(since),
            " ",
            how && how !== "Good" ? quality(how) : null,
          ),
        ),
        said,
      );
    });
    const partly = told.context_complete === false ? el("p", { class: "soft" }, "Not all of it is known.") : null;
    fill(this.#context, el("section", {}, el("h2", {}, "Context"), ...lines, partly));
  }

  /** What the API tells and this page has no place for. @param {api.Element} about */
  #others(about) {
    const others = Object.entries({ ...this.#full, ...about }).filter(
      ([key]) => !PLACED.has(key) && !KNOWN_OF_SAMPLE.has(key),
    );
    return others.map(([key, value]) =>
      el(
        "section",
        {},
        el("h2", {}, words(key)[0].toUpperCase() + words(key).slice(1)),
        typeof value === "object" ? json(value) : el("p", {}, longText(plain(value))),
      ),
    );
  }

  #raw() {
    const told = el("div");
    return el(
      "details",
      {
        toggle: (event) => {
          if (event.target.open)
            fill(told, json({
                ...this.#about,
                // Of what is followed the source is not kept.
                sample: { ...this.#full, ...this.#samples.get(this.#path), source: this.#full?.source },
              }));
        },
      },
      el("summary", {}, "JSON, as the API tells it"),
      told,
    );
  }
}

const KNOWN_OF_SAMPLE = new Set([
  "value",
  "quality",
  "gone",
  "gone_since",
  "timestamp",
  "received",
  "revision",
  "source",
]);

/** @param {{ name: string, version?: string, label?: string, undefined?: boolean }} type */
function typeOf({ name: called, version, label, undefined: isUndefined }) {
  if (isUndefined) return [name(called), " ", mark("diamond", "Nobody defines it", "loud doubt")];
  const more = [label, version && `version ${version}`].filter(Boolean).join(", ");
  return [name(called), more ? el("span", { class: "soft" }, ` ${more}`) : ""];
}

/** The MQTT topic that a source publishes on. @param {api.Source | undefined} source */
function topicOf(source) {
  if (!source) return null;
  if (source.type === "mqtt") return source.topic;
  const { group, edge_node: edgeNode, device } = source;
  return device === undefined ? `spBv1.0/${group}/NDATA/${edgeNode}` : `spBv1.0/${group}/DDATA/${edgeNode}/${device}`;
}
