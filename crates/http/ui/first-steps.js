//! What to do while nothing is there yet: three ways to see something, with what is to be typed.
//!
//! Knows nothing of the page it stands on. Invariant: what is shown to be copied works as it stands where the server runs as it
//! comes; where it does not, the words beside it say what to change.

import { copyButton, el } from "./dom.js";

/** @param {import("./session.js").Session} session */
export function firstSteps(session) {
  const host = location.hostname.replace(/^\[|\]$/g, "");
  const needsLogin = Boolean(session.me?.login_required);
  const login = needsLogin ? " -u NAME -P PASSWORD" : "";
  return el(
    "div",
    { class: "first-steps" },
    el("h2", {}, "Nothing has been published yet"),
    needsLogin ? el("p", { class: "soft" }, "Or nothing that your roles let you read.") : null,
    el(
      "ul",
      {},
      el(
        "li",
        {},
        el("strong", {}, "Connect an Edge Node. "),
        "Give it this machine's name and the MQTT port (1883, unless it was changed; the log's first lines have it). It is here with its Birth.",
      ),
      el(
        "li",
        {},
        el("strong", {}, "Or publish anything. "),
        "A topic's levels become the path in the tree:",
        command(`mosquitto_pub -h ${host} -t Acme/Dallas/Press/Line1/Temperature -m 21.5${login}`),
      ),
      needsLogin
        ? null
        : el("li", {}, el("strong", {}, "Or look at a simulated plant first, "), "in place of this one:", command("factree demo")),
    ),
  );
}

/** @param {string} text */
function command(text) {
  return el("p", { class: "command" }, el("code", {}, text), copyButton("Copy", () => text));
}
