//! What goes wrong, said so that the caller can mend it: RFC 9457 problem documents.
//!
//! Each way of failing is one [`Kind`], whose `type` URI and title never change; the detail is about this request and
//! names the values that would have been accepted. What a caller wants to read by program (the nearest names, the
//! accepted parameters) stands in members of its own.
//! Knows nothing of the tree. Invariant: text that came from the peer is clipped before it is said back, and written by
//! a JSON writer only, so a hostile name is nothing but a long string.

use std::time::Duration;

use axum::http::header::{RETRY_AFTER, UPGRADE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::answer;
use crate::commands::seconds;

/// Writes [`Kind`] out of a table.
macro_rules! kinds {
    ($($kind:ident, $name:literal, $status:ident, $title:literal;)*) => {
        /// The ways in which a request fails.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Kind {
            $(#[doc = $title] $kind,)*
        }

        impl Kind {
            pub(crate) const ALL: &[Kind] = &[$(Kind::$kind),*];

            pub(crate) fn status(self) -> StatusCode {
                match self {
                    $(Kind::$kind => StatusCode::$status,)*
                }
            }

            /// A URN and not an address: there is no page behind it that could move away.
            pub(crate) fn uri(self) -> &'static str {
                match self {
                    $(Kind::$kind => concat!("urn:factree:problem:", $name),)*
                }
            }

            pub(crate) fn title(self) -> &'static str {
                match self {
                    $(Kind::$kind => $title,)*
                }
            }
        }
    };
}

// Names and titles never change. The routes that answer so name them in their description.
kinds! {
    ElementNotFound, "element-not-found", NOT_FOUND, "No element has this path";
    NoSample, "no-sample", NOT_FOUND, "The element holds no sample";
    EdgeNodeNotFound, "edge-node-not-found", NOT_FOUND, "No such Edge Node";
    TypeNotFound, "type-not-found", NOT_FOUND, "No such type";
    ClientNotFound, "client-not-found", NOT_FOUND, "No such client";
    RouteNotFound, "route-not-found", NOT_FOUND, "No such route";
    MethodNotAllowed, "method-not-allowed", METHOD_NOT_ALLOWED, "The route does not take this method";
    BadPath, "bad-path", BAD_REQUEST, "Not a path of the tree";
    BadParameter, "bad-parameter", BAD_REQUEST, "A query parameter is not acceptable";
    BadFilter, "bad-filter", BAD_REQUEST, "The filter does not parse";
    CommandNotFound, "command-not-found", NOT_FOUND, "No such command";
    BadBody, "bad-body", BAD_REQUEST, "The body is not acceptable";
    BodyTooLarge, "body-too-large", PAYLOAD_TOO_LARGE, "The body is too large";
    ValueDoesNotFit, "value-does-not-fit", UNPROCESSABLE_ENTITY, "The value does not fit its datatype";
    AgainstRule, "against-rule", UNPROCESSABLE_ENTITY, "The value is against a rule";
    Offline, "offline", CONFLICT, "Nobody is there to hear it";
    Online, "online", CONFLICT, "Not while it is online";
    NoPlainTopic, "no-plain-topic", CONFLICT, "Not a plain topic";
    ReadOnly, "read-only", FORBIDDEN, "This cannot be set";
    NotLoggedIn, "not-logged-in", UNAUTHORIZED, "This is not for everybody";
    NotAllowed, "not-allowed", FORBIDDEN, "No role grants this";
    CsrfMissing, "csrf-missing", FORBIDDEN, "Not without the CSRF token";
    TooManyTries, "too-many-tries", TOO_MANY_REQUESTS, "Too many tries";
    WrongPassword, "wrong-password", UNAUTHORIZED, "Not this name and password";
    NoLogins, "no-logins", CONFLICT, "Nobody logs in here";
    UserNotFound, "user-not-found", NOT_FOUND, "No such user";
    RoleNotFound, "role-not-found", NOT_FOUND, "No such role";
    KeyNotFound, "key-not-found", NOT_FOUND, "No such key";
    SessionNotFound, "session-not-found", NOT_FOUND, "No such session";
    PrincipalNotFound, "principal-not-found", NOT_FOUND, "No such principal";
    UserExists, "user-exists", CONFLICT, "There is such a user already";
    RoleInUse, "role-in-use", CONFLICT, "Somebody has this role";
    RoleFixed, "role-fixed", CONFLICT, "This role is not changed here";
    LastAdmin, "last-admin", CONFLICT, "Nobody could let anybody in any more";
    TooManyOfThem, "too-many-of-them", CONFLICT, "There are as many as there may be";
    Unacceptable, "unacceptable", UNPROCESSABLE_ENTITY, "A member of the body is not acceptable";
    ReasonMissing, "reason-missing", UNPROCESSABLE_ENTITY, "Not without a reason";
    AuditFull, "audit-full", SERVICE_UNAVAILABLE, "The audit log is full";
    AuditUnreadable, "audit-unreadable", SERVICE_UNAVAILABLE, "The audit log cannot be read";
    NotStored, "not-stored", SERVICE_UNAVAILABLE, "It could not be stored, so nothing has changed";
    CrossSite, "cross-site", FORBIDDEN, "Not from a page of another site";
    WrongHost, "wrong-host", MISDIRECTED_REQUEST, "Not a name of this machine";
    BadHost, "bad-host", BAD_REQUEST, "Not a Host header";
    TargetTooLong, "target-too-long", URI_TOO_LONG, "The address is too long";
    MethodNotImplemented, "method-not-implemented", NOT_IMPLEMENTED, "No route takes this method";
    UnsupportedMediaType, "unsupported-media-type", UNSUPPORTED_MEDIA_TYPE, "The body is not JSON";
    TooManyRequests, "too-many-requests", TOO_MANY_REQUESTS, "Too many requests";
    ConfigurationRefused, "configuration-refused", UNPROCESSABLE_ENTITY,
        "The configuration was refused, and nothing has changed";
    ResponseFull, "response-full", PAYLOAD_TOO_LARGE, "The response is full";
    TooManyCommands, "too-many-commands", SERVICE_UNAVAILABLE, "Too many commands are waiting";
    RebirthTooSoon, "rebirth-too-soon", TOO_MANY_REQUESTS, "A rebirth has just been asked for";
    TooManyStreams, "too-many-streams", SERVICE_UNAVAILABLE, "Too many streams";
    UpgradeRequired, "upgrade-required", UPGRADE_REQUIRED, "This is a WebSocket";
    BadMessage, "bad-message", BAD_REQUEST, "The message is not acceptable";
    SubscriptionExists, "subscription-exists", CONFLICT, "There is such a subscription already";
    SubscriptionNotFound, "subscription-not-found", NOT_FOUND, "No such subscription";
}

impl Kind {
    /// What stands behind `urn:factree:problem:`.
    pub(crate) fn name(self) -> &'static str {
        self.uri().rsplit_once(':').expect("a URN has colons").1
    }
}

/// One problem document. Members without content are left out.
#[derive(Debug)]
pub(crate) struct Problem {
    kind: Kind,
    detail: String,
    /// Boxed, because every `Result` of this crate has room for a problem.
    members: Box<Members>,
    retry_after: Option<Duration>,
}

/// The members beside RFC 9457's own, for programs.
#[derive(Debug, Default, Serialize)]
struct Members {
    #[serde(skip_serializing_if = "Option::is_none")]
    deepest: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    moved: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    nearest: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ask: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    accepted: Vec<&'static str>,
}

#[derive(Serialize)]
struct Document<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: &'a str,
    #[serde(flatten)]
    members: &'a Members,
}

impl Problem {
    pub(crate) fn new(kind: Kind, detail: impl Into<String>) -> Problem {
        Problem { kind, detail: detail.into(), members: Box::default(), retry_after: None }
    }

    /// When the same would be accepted.
    pub(crate) fn retry_after(mut self, wait: Duration) -> Problem {
        self.retry_after = Some(wait);
        self
    }

    /// The path of the deepest element on the way that does exist.
    pub(crate) fn deepest(mut self, path: Option<String>) -> Problem {
        self.members.deepest = path;
        self
    }

    /// Where what stood at this path stands now; `at` is its address.
    pub(crate) fn moved(mut self, path: String, at: String) -> Problem {
        self.detail =
            format!("what stood here has moved to '{}', because the placement rules have changed", clipped(&path));
        self.members.ask.insert(0, at);
        self.members.moved = Some(path);
        self
    }

    /// Whether it is of this kind.
    pub(crate) fn is(&self, kind: Kind) -> bool {
        self.kind == kind
    }

    /// Names that exist there and look like the one asked for, the likeliest first.
    pub(crate) fn nearest(mut self, names: Vec<String>) -> Problem {
        self.members.nearest = names;
        self
    }

    /// Addresses that would have an answer.
    pub(crate) fn ask(mut self, addresses: impl IntoIterator<Item = String>) -> Problem {
        self.members.ask = addresses.into_iter().collect();
        self
    }

    /// The query parameter at fault.
    pub(crate) fn parameter(mut self, name: &str) -> Problem {
        self.members.parameter = Some(clipped(name).to_owned());
        self
    }

    /// The query parameters that this route takes.
    pub(crate) fn accepted(mut self, names: &[&'static str]) -> Problem {
        self.members.accepted = names.to_vec();
        self
    }
}

impl Problem {
    /// Kind and detail in a line, for the audit log.
    pub(crate) fn said(&self) -> String {
        format!("{}: {}", self.kind.name(), self.detail)
    }

    /// Status, title and detail, for an answer of another form.
    pub(crate) fn into_parts(self) -> (StatusCode, &'static str, String) {
        (self.kind.status(), self.kind.title(), self.detail)
    }

    /// The document itself.
    pub(crate) fn to_json(&self) -> Vec<u8> {
        let document = Document {
            r#type: self.kind.uri(),
            title: self.kind.title(),
            status: self.kind.status().as_u16(),
            detail: &self.detail,
            members: &self.members,
        };
        serde_json::to_vec(&document).expect("a problem is strings and a number, which serde_json can write")
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = answer::with(self.kind.status(), "application/problem+json", self.to_json());
        if self.kind == Kind::UpgradeRequired {
            response.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
        }
        if let Some(wait) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, seconds(wait).into());
        }
        response
    }
}

/// At most 80 bytes of `text`: a detail is read by a person, and a name may be as long as a URI allows.
pub(crate) fn clipped(text: &str) -> &str {
    &text[..text.floor_char_boundary(80)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clipping_keeps_characters_whole() {
        assert_eq!(clipped("Acme"), "Acme");
        assert_eq!(clipped(&"°".repeat(100)).len(), 80);
        assert_eq!(clipped(&format!("x{}", "°".repeat(100))).len(), 79);
    }
}
