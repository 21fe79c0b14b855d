//! The tables of `docs/guides/http.md`: every route, and every kind of problem.
//!
//! Written out of what the routes say of themselves and of the catalogue of problems, so the page holds what the code holds.
//! Knows no route. Invariant: each operation of the document is in one row.

use std::fmt::Write;

use utoipa::openapi::RefOr;
use utoipa::openapi::path::{Operation, ParameterIn};

use crate::openapi::document;
use crate::problem::Kind;

/// Every route with its parameters, by chapter, as Markdown.
pub fn routes() -> String {
    let mut text = String::from("| route | | `ETag` |\n|---|---|---|\n");
    let document = document();
    for chapter in document.tags.iter().flatten() {
        let title = chapter.description.as_deref().unwrap_or_default();
        writeln!(text, "| **{}** | {title} | |", chapter.name).expect("a string");
        for (path, item) in &document.paths.paths {
            let methods = [("GET", &item.get), ("PUT", &item.put), ("POST", &item.post), ("DELETE", &item.delete)];
            for (method, operation) in methods {
                let of_chapter = |it: &&Operation| it.tags.iter().flatten().next() == Some(&chapter.name);
                let Some(operation) = operation.as_ref().filter(of_chapter) else { continue };
                let summary = operation.summary.as_deref().unwrap_or_default();
                let tag = if operation.responses.responses.contains_key("304") { "yes" } else { "" };
                writeln!(text, "| `{method} {path}{}` | {summary} | {tag} |", query(operation)).expect("a string");
            }
        }
    }
    text
}

/// `?filter&limit`: what may be asked besides.
fn query(operation: &Operation) -> String {
    let parameters = operation.parameters.iter().flatten().filter_map(|parameter| match parameter {
        RefOr::T(parameter) if parameter.parameter_in == ParameterIn::Query => Some(parameter.name.as_str()),
        RefOr::T(_) | RefOr::Ref(_) => None,
    });
    let names: Vec<&str> = parameters.collect();
    if names.is_empty() { String::new() } else { format!("?{}", names.join("&")) }
}

/// Every kind of problem, as Markdown.
pub fn problems() -> String {
    let mut text = String::from("| `type`, after `urn:factree:problem:` | status | title | |\n|---|---|---|---|\n");
    for &kind in Kind::ALL {
        let (name, status) = (kind.name(), kind.status().as_u16());
        let hint = HINTS.iter().find(|(of, _)| *of == kind).map_or("", |(_, hint)| hint);
        writeln!(text, "| `{name}` | {status} | {} | {hint} |", kind.title()).expect("a string");
    }
    text
}

/// What there is to say besides, where a title does not say it all.
const HINTS: &[(Kind, &str)] = &[
    (Kind::ElementNotFound, "`deepest` does exist, `nearest` are names there; `moved` says where it went"),
    (Kind::NoSample, "a folder, or a metric that has not been sent yet; `ask` has an answer"),
    (Kind::TypeNotFound, "or it has no such version; `nearest` are those it has"),
    (Kind::MethodNotAllowed, "see the `Allow` header"),
    (Kind::BadPath, "a stray `%`, or no UTF-8"),
    (Kind::BadParameter, "`parameter` is unknown, repeated or out of range; `accepted` are those that exist"),
    (Kind::BadFilter, "no MQTT topic filter"),
    (Kind::CommandNotFound, "forgotten, or never sent"),
    (Kind::BadBody, "not the JSON that the route takes"),
    (Kind::BodyTooLarge, "`detail` says how large it may be"),
    (Kind::ValueDoesNotFit, "`detail` says what the datatype takes"),
    (Kind::AgainstRule, "`detail` says which [rule](governance.md) of the operator's"),
    (
        Kind::Offline,
        "the Edge Node or Device is, or its last Birth no longer declares the metric, or the foreign broker it was heard \
         on is not attached",
    ),
    (Kind::Online, "an Edge Node or Device that is online is not forgotten"),
    (Kind::NoPlainTopic, "what is to be forgotten at this path is an Edge Node's, or only a way to something"),
    (Kind::ReadOnly, "`bdSeq`, or a field of a JSON document"),
    (Kind::NotLoggedIn, "no key, token or session, or none that is valid: [access.md](access.md#over-http)"),
    (Kind::NotAllowed, "`detail` names the grant that is missing"),
    (Kind::CsrfMissing, "what changes something in a browser session has the header `X-CSRF-Token`"),
    (Kind::TooManyTries, "of a password, or too many are being checked; see `Retry-After`"),
    (Kind::NoLogins, "the configuration has no `[auth]`"),
    (Kind::RoleFixed, "it is built in"),
    (Kind::LastAdmin, "somebody who may manage `access` has to stay"),
    (Kind::TooManyOfThem, "users, roles, keys or sessions; [limits.md](limits.md)"),
    (Kind::Unacceptable, "`detail` says which, and what would be"),
    (Kind::ReasonMissing, "the configuration asks for a `reason` here: [audit.md](audit.md)"),
    (Kind::AuditFull, "what has to be on record is not done until there is room: [audit.md](audit.md)"),
    (Kind::NotStored, "the disk, the audit log or the system refused"),
    (Kind::CrossSite, "a browser says that a page of another site asks"),
    (Kind::WrongHost, "`Host` is no name of this machine: see [below](#who-may-ask)"),
    (Kind::BadHost, "no `Host`, or several"),
    (Kind::TargetTooLong, "path and query; `http_target_bytes_max`"),
    (Kind::MethodNotImplemented, "`CONNECT`"),
    (Kind::UnsupportedMediaType, "a body without `Content-Type: application/json`, or with a `Content-Encoding`"),
    (Kind::TooManyRequests, "`http_requests_max` are being answered; see `Retry-After`"),
    (Kind::ConfigurationRefused, "`detail` names the key"),
    (Kind::ResponseFull, "of a path in `values/read`: the answer had no room for it"),
    (Kind::TooManyCommands, "as many as are remembered wait; see `Retry-After`"),
    (Kind::RebirthTooSoon, "see `Retry-After`"),
    (Kind::TooManyStreams, "or the server is stopping; see `Retry-After`"),
    (Kind::UpgradeRequired, "ask with a WebSocket handshake: [streams.md](streams.md)"),
    (Kind::BadMessage, "sent over a WebSocket"),
    (Kind::SubscriptionExists, "of this id, on this WebSocket"),
    (Kind::SubscriptionNotFound, "of this id, on this WebSocket"),
];
