//! The audit log: who did what, when, from where, why, and how it ended.
//!
//! Read a page at a time from the newest on; the files for other programs hold everything that the form asks for. That it is
//! whole, only `factree audit verify` can say.
//! Invariant: what was recorded is shown as text, whoever wrote it.

import * as access from "../access-api.js";
import { el, fill, longText, name } from "../dom.js";
import { mark } from "../marks.js";
import { card, Page, table } from "../page.js";
import { when } from "../when.js";

/** @typedef {import("../page.js").Surroundings} Surroundings */

const PAGE = 100;
/** Fields of the form, which are parameters of the API as well. */
const FIELDS = ["principal", "verb", "target", "result", "from", "to"];
const RESULTS = ["begun", "done", "refused", "failed", "lost"];
const MARKS = new Map([
  ["begun", ["half", "Begun", ""]],
  ["done", ["disc", "Done", ""]],
  ["refused", ["cross", "Refused", "loud doubt"]],
  ["failed", ["triangle", "Failed", "loud doubt"]],
  ["lost", ["triangle", "Lost", "loud bad"]],
]);

/** @param {Surroundings} around */
export function auditPage({ signal, query, go }) {
  const wanted = Object.fromEntries(FIELDS.map((field) => [field, query.get(field) ?? ""]));
  const page = new Page("Audit log");
  const list = table("Entries", ["When", "Who", "From", "What", "To what", "Before and after", "Why", "Result"]);
  const more = el("button", { type: "button", hidden: true, click: () => void read() }, "Older entries");
  const head = el("p", { class: "soft mono" });
  page.element.append(
    formOf(wanted, (parameters) => go(`/audit${parameters && `?${parameters}`}`)),
    card(list.element, more),
    card(
      el("h2", {}, "The end of the log, signed"),
      el(
        "p",
        { class: "soft" },
        "Keep this line on another machine. With it, ",
        el("code", {}, "factree audit verify --head"),
        " says later whether anything was changed or taken away.",
      ),
      head,
    ),
  );
  /** @type {string | undefined} */
  let cursor;

  const read = async () => {
    more.disabled = true;
    try {
      const asked = { ...wanted, from: instant(wanted.from), to: instant(wanted.to) };
      const answer = await access.audit({ ...asked, limit: PAGE, cursor });
      if (signal.aborted) return;
      page.answered();
      list.body.append(...answer.entries.map(row));
      cursor = answer.next_cursor;
      more.hidden = cursor === undefined;
      if (!list.body.firstChild && cursor === undefined)
        fill(list.body, el("tr", {}, el("td", { colspan: 8, class: "soft" }, "No entry is like that.")));
    } catch (error) {
      page.refused(error);
    } finally {
      more.disabled = false;
    }
  };
  void read();
  access.auditHead().then(
    (signed) => fill(head, signed.head),
    (error) => fill(head, error instanceof Error ? error.message : String(error)),
  );
  return page.element;
}

/** A time of this machine's as the API takes it. @param {string} local */
function instant(local) {
  const at = new Date(local);
  return local === "" || Number.isNaN(at.getTime()) ? "" : at.toISOString();
}

/** @param {Record<string, string>} wanted @param {(parameters: string) => void} ask */
function formOf(wanted, ask) {
  const field = (/** @type {string} */ key, /** @type {string} */ label, /** @type {string} */ hint, type = "text") =>
    el(
      "label",
      {},
      label,
      el("input", { type, name: key, value: wanted[key], placeholder: hint, autocomplete: "off", spellcheck: "false" }),
    );
  const result = el(
    "select",
    { name: "result" },
    el("option", { value: "" }, "any"),
    ...RESULTS.map((value) => el("option", { value, selected: value === wanted.result }, value)),
  );
  /** @type {HTMLFormElement} */
  const form = el(
    "form",
    {
      class: "trial card",
      submit: (event) => {
        event.preventDefault();
        ask(parametersOf(form).toString());
      },
    },
    field("principal", "Who", "user:anna"),
    field("verb", "What", "command"),
    field("target", "To what begins so", "Acme/Dallas/"),
    el("label", {}, "Result", result),
    field("from", "From", "", "datetime-local"),
    field("to", "To", "", "datetime-local"),
    el("button", { type: "submit", class: "main" }, "Show"),
    ...["csv", "jsonl"].map((format) => exportLink(format, wanted)),
  );
  return form;
}

/** @param {HTMLFormElement} form */
function parametersOf(form) {
  const given = [...new FormData(form)].filter(([, value]) => value !== "");
  return new URLSearchParams(given.map(([key, value]) => [key, String(value)]));
}

/** @param {string} format @param {Record<string, string>} wanted */
function exportLink(format, wanted) {
  const asked = { ...wanted, from: instant(wanted.from), to: instant(wanted.to), format };
  const given = Object.entries(asked).filter(([, value]) => value !== "");
  const href = `/api/v1/audit?${new URLSearchParams(given)}`;
  return el("a", { class: "button", href, download: `audit.${format}` }, format === "csv" ? "CSV" : "JSON lines");
}

/** @param {access.AuditEntry} entry */
function row(entry) {
  const { time, principal, address, verb, target, old, new: after, reason, result } = entry;
  const [word, ...rest] = result.split(":");
  const [form, shown, loudness] = MARKS.get(word) ?? ["square", word, ""];
  const change = [
    old === undefined ? null : longText(old, 80),
    after === undefined ? null : " → ",
    after === undefined ? null : longText(after, 80),
  ];
  return el(
    "tr",
    {},
    el(
      "td",
      { class: "nowrap", title: `Entry ${entry.seq}` },
      when(time),
      entry.clock_stepped ? el("div", {}, mark("diamond", "Clock was set", "loud doubt")) : null,
    ),
    el("td", { class: "who" }, name(principal)),
    el("td", { class: "nowrap" }, address ?? ""),
    el("td", { class: "nowrap" }, name(verb)),
    el("td", { class: "text" }, longText(target, 160)),
    el("td", {}, ...change),
    el("td", {}, reason === undefined ? "" : longText(reason, 160)),
    el(
      "td",
      {},
      mark(form, shown, loudness),
      rest.length > 0 ? el("div", { class: "soft" }, longText(rest.join(":").trim(), 80)) : null,
    ),
  );
}
