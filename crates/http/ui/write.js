//! Setting a value: a field of the metric's datatype, a question before, and what became of it after.
//!
//! The server alone decides what is accepted; here only the form of the input is held against the datatype, so a
//! slip of the
//! finger is told at once. A command that nobody has confirmed yet is asked about until it is final.
//! Invariant: nothing is sent that was not shown and confirmed word for word, beside the value as it is at that moment.

import * as api from "./api.js";
import { confirmed } from "./dialog.js";
import { el, facts, fill, longText, name } from "./dom.js";
import { exact, isInteger, plain } from "./format.js";
import { mark, quality } from "./marks.js";

/** @typedef {import("./api.js").Sample} Sample */
/** @typedef {import("./samples.js").Samples} Samples */
/** @typedef {{ value: unknown } | { refused: string }} Read */

const RANGES = new Map([
  ["Int8", [-(2n ** 7n), 2n ** 7n - 1n]],
  ["Int16", [-(2n ** 15n), 2n ** 15n - 1n]],
  ["Int32", [-(2n ** 31n), 2n ** 31n - 1n]],
  ["Int64", [-(2n ** 63n), 2n ** 63n - 1n]],
  ["UInt8", [0n, 2n ** 8n - 1n]],
  ["UInt16", [0n, 2n ** 16n - 1n]],
  ["UInt32", [0n, 2n ** 32n - 1n]],
  ["UInt64", [0n, 2n ** 64n - 1n]],
]);
const EXACT_MAX = BigInt(Number.MAX_SAFE_INTEGER);
const NO_NUMBERS = ["NaN", "Infinity", "-Infinity"];
const TEXTS = new Set(["String", "Text", "UUID"]);
const BINARY = new Set(["Bytes", "File"]);

/** Between two questions what became of a command. */
const ASK_EVERY = 200;

/** What a datatype takes, in words; none if it cannot be set over HTTP. @param {string | undefined} datatype */
function takes(datatype) {
  if (datatype === undefined || datatype === "Template" || datatype === "Structure" || datatype === "Unknown")
    return null;
  const range = RANGES.get(datatype);
  if (range) return `${datatype}: a whole number from ${range[0]} to ${range[1]}`;
  if (datatype === "Float" || datatype === "Double") return `${datatype}: a number; NaN, Infinity and -Infinity too`;
  if (datatype === "Boolean") return "Boolean: true or false";
  if (datatype === "DateTime") return "DateTime: as 2026-01-31T12:00:00.000Z";
  if (BINARY.has(datatype)) return `${datatype}: base64`;
  if (TEXTS.has(datatype)) return `${datatype}: text`;
  return `${datatype}: JSON, in the form in which it is read`;
}

/** The value that an input means. @param {string} text @param {string} datatype @returns {Read} */
export function read(text, datatype) {
  const refused = { refused: takes(datatype) ?? "It cannot be set." };
  const trimmed = text.trim();
  if (isInteger(datatype)) {
    const [low, high] = /** @type {[bigint, bigint]} */ (RANGES.get(datatype));
    if (!/^[+-]?\d{1,20}$/.test(trimmed)) return refused;
    const number = BigInt(trimmed.replace("+", ""));
    if (number < low || number > high) return refused;
    const isExact = number <= EXACT_MAX && number >= -EXACT_MAX;
    return { value: isExact ? Number(number) : String(number) };
  }
  if (datatype === "Float" || datatype === "Double") {
    if (NO_NUMBERS.includes(trimmed)) return { value: trimmed };
    const number = Number(trimmed);
    return trimmed !== "" && Number.isFinite(number) ? { value: number } : refused;
  }
  if (datatype === "Boolean") return text === "true" || text === "false" ? { value: text === "true" } : refused;
  if (TEXTS.has(datatype)) return { value: text };
  if (datatype === "DateTime" || BINARY.has(datatype)) return { value: trimmed };
  try {
    return { value: JSON.parse(text) };
  } catch (error) {
    return { refused: `That is no JSON: ${error instanceof Error ? error.message : error}` };
  }
}

/**
 * The form for one metric; none where its datatype cannot be set. What is said of its value is that of `samples`, as long as
 * the form is asked to `refresh`.
 * @param {Sample} sample @param {Samples} samples @returns {{ element: HTMLElement, refresh: () => void } | null}
 */
export function writeForm(sample, samples) {
  const { datatype = "", source } = sample;
  // What is followed tells no more than the tree shows: where it comes from and its unit stay as they were told whole.
  const now = () => {
    const { value, quality: how, gone } = { ...sample, ...samples.get(sample.path) };
    return { ...sample, value, quality: how, gone };
  };
  const words = takes(datatype);
  if (!words || !source || (source.type === "sparkplug" && source.metric === "bdSeq")) return null;
  const said = el("div", { role: "status", "aria-live": "polite" });
  const { field, input, refresh } = fieldFor(now, datatype);
  const form = el(
    "form",
    {
      class: "write-form",
      submit: (event) => {
        event.preventDefault();
        const wanted = read(input(), datatype);
        if ("refused" in wanted) fill(said, el("p", { class: "refused" }, wanted.refused));
        else void send(now, samples, wanted.value, said);
      },
    },
    field,
    el("button", { type: "submit", class: "main" }, "Set…"),
    el("span", { class: "takes", id: "takes" }, words),
  );
  return { element: el("section", { "aria-label": "Set" }, el("h2", {}, "Set"), form, said), refresh };
}

/** @param {() => Sample} now @param {string} datatype */
function fieldFor(now, datatype) {
  if (datatype === "Boolean") {
    const radio = (/** @type {string} */ value) =>
      el(
        "label",
        {},
        // None is chosen beforehand: the value may change while somebody looks, and what was the other one then is not now.
        el("input", { type: "radio", name: "wanted", value }),
        value,
      );
    const field = el("fieldset", {}, el("legend", { class: "hidden" }, "New value"), radio("true"), radio("false"));
    return {
      field,
      input: () => /** @type {HTMLInputElement | null} */ (field.querySelector("input:checked"))?.value ?? "",
      refresh: () => {},
    };
  }
  const isLong =
    !isInteger(datatype) &&
    !TEXTS.has(datatype) &&
    !["Float", "Double", "DateTime"].includes(datatype) &&
    !BINARY.has(datatype);
  const common = {
    "aria-label": "New value",
    "aria-describedby": "takes",
    name: "wanted",
    autocomplete: "off",
    spellcheck: "false",
  };
  if (isLong) {
    let shown = JSON.stringify(now().value ?? null, null, 2);
    const field = el("textarea", common, shown);
    const refresh = () => {
      // What somebody has begun to write stays.
      if (field.value !== shown || field === document.activeElement) return;
      shown = JSON.stringify(now().value ?? null, null, 2);
      if (field.value !== shown) field.value = shown;
    };
    return { field, input: () => field.value, refresh };
  }
  const isNumber = datatype === "Float" || datatype === "Double";
  const field = el("input", {
    ...common,
    type: "text",
    inputmode: isNumber ? "decimal" : isInteger(datatype) ? "numeric" : "text",
  });
  const refresh = () => {
    const placeholder = datatype === "String" ? "" : plain(now().value).slice(0, 40);
    if (field.placeholder !== placeholder) field.placeholder = placeholder;
  };
  refresh();
  return { field, input: () => field.value, refresh };
}

/** @param {() => Sample} now @param {Samples} samples @param {unknown} value @param {HTMLElement} said */
async function send(now, samples, value, said) {
  const sample = now();
  const unit = sample.unit ? ` ${sample.unit}` : "";
  const line = (/** @type {unknown} */ value) => longText(`${plain(value, sample.datatype)}${unit}`, 200);
  const steps = el("ul", { class: "steps" });
  const step = (/** @type {Node} */ shape, /** @type {string} */ about) =>
    steps.append(el("li", { class: "together" }, shape, about));
  const current = el("span");
  const showCurrent = () => {
    const { value: is, quality: how, gone } = now();
    fill(current, line(is), " ", (how ?? "Good") === "Good" && !gone ? null : quality(how, gone));
  };
  showCurrent();
  const question = {
    title: "Set this value?",
    act: "Send",
    asksReason: true,
    body: [
      facts([
        ["Element", name(sample.path)],
        ["Now", current],
        ["Then", el("strong", {}, line(value))],
        ["Goes to", whither(sample)],
      ]),
    ],
  };
  // It goes on changing while somebody thinks about it.
  const leave = samples.listen((paths) => paths.has(sample.path) && showCurrent());
  const sent = await confirmed(question, (reason) => api.set(sample.path, value, reason));
  leave();
  if (!sent) return;
  let command = sent.done;
  const began = performance.now();
  fill(said, steps);
  try {
    step(mark("dot", "Sent"), `${exact(command.sent)}  ${plain(command.value, command.datatype)}${unit}`);
    while (command.state === "sent") {
      await new Promise((resolve) => setTimeout(resolve, ASK_EVERY));
      command = await api.command(command.id);
    }
    const took = command.settled ? Date.parse(command.settled) - Date.parse(command.sent) : performance.now() - began;
    step(...outcome(command, took));
  } catch (error) {
    step(mark("square", "Not known"), error instanceof Error ? error.message : String(error));
  }
}

/** @param {api.Command} command @param {number} took @returns {[HTMLElement, string]} */
function outcome(command, took) {
  switch (command.state) {
    case "confirmed":
      return [mark("disc", "Confirmed"), `${exact(command.settled)}  after ${took} ms`];
    case "timed_out":
      return [
        mark("bars", "Timed out", "loud doubt"),
        "No data with this value came. The plant may have taken it all the same.",
      ];
    case "superseded":
      return [
        mark("diamond", "Superseded", "loud doubt"),
        "It died or was born again meanwhile, so nobody knows whether it arrived.",
      ];
    default:
      return [mark("square", command.state), ""];
  }
}

/** @param {Sample} sample */
function whither({ source }) {
  if (source?.type === "mqtt") return name(source.topic);
  if (source?.type !== "sparkplug") return null;
  const device = source.device ? ` / ${source.device}` : "";
  return name(`${source.group} / ${source.edge_node}${device}, metric ${source.metric}`);
}
