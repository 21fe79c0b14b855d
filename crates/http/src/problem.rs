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

/// The ways in which a request fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// No element has this path.
    ElementNotFound,
    /// The element exists, but holds no sample.
    NoSample,
    /// No such Edge Node.
    EdgeNodeNotFound,
    /// No such type, or not in this version.
    TypeNotFound,
    /// The broker has no session of this client.
    ClientNotFound,
    /// No route has this path.
    RouteNotFound,
    /// The route exists, but not for this method.
    MethodNotAllowed,
    /// The path cannot be a path of the tree.
    BadPath,
    /// A query parameter is unknown, repeated, malformed or out of range.
    BadParameter,
    /// The filter does not parse.
    BadFilter,
    /// No command of this id is remembered.
    CommandNotFound,
    /// The body is not what the route takes.
    BadBody,
    /// The body is larger than the route takes.
    BodyTooLarge,
    /// The value is none of the element's datatype.
    ValueDoesNotFit,
    /// The value is not what an operator's rule allows there.
    AgainstRule,
    /// Whoever would have to hear it is not there.
    Offline,
    /// Nobody may set this.
    ReadOnly,
    /// A page of another site asks.
    CrossSite,
    /// The configuration cannot be read, or is not valid.
    ConfigurationRefused,
    /// Too many commands wait.
    TooManyCommands,
    /// A rebirth has just been asked for.
    RebirthTooSoon,
    /// No stream more.
    TooManyStreams,
    /// The route is a WebSocket and the request asks for none.
    UpgradeRequired,
    /// A message over a WebSocket is not one that it takes.
    BadMessage,
    /// The WebSocket has a subscription of this id.
    SubscriptionExists,
    /// The WebSocket has no subscription of this id.
    SubscriptionNotFound,
}

impl Kind {
    fn status(self) -> StatusCode {
        match self {
            Kind::ElementNotFound
            | Kind::NoSample
            | Kind::EdgeNodeNotFound
            | Kind::TypeNotFound
            | Kind::ClientNotFound
            | Kind::RouteNotFound
            | Kind::CommandNotFound
            | Kind::SubscriptionNotFound => StatusCode::NOT_FOUND,
            Kind::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Kind::BadPath | Kind::BadParameter | Kind::BadFilter | Kind::BadBody | Kind::BadMessage => {
                StatusCode::BAD_REQUEST
            }
            Kind::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Kind::ValueDoesNotFit | Kind::AgainstRule | Kind::ConfigurationRefused => StatusCode::UNPROCESSABLE_ENTITY,
            Kind::Offline | Kind::SubscriptionExists => StatusCode::CONFLICT,
            Kind::ReadOnly | Kind::CrossSite => StatusCode::FORBIDDEN,
            Kind::TooManyCommands | Kind::TooManyStreams => StatusCode::SERVICE_UNAVAILABLE,
            Kind::UpgradeRequired => StatusCode::UPGRADE_REQUIRED,
            Kind::RebirthTooSoon => StatusCode::TOO_MANY_REQUESTS,
        }
    }

    /// A URN and not an address: there is no page behind it that could move away.
    fn uri(self) -> &'static str {
        match self {
            Kind::ElementNotFound => "urn:factree:problem:element-not-found",
            Kind::NoSample => "urn:factree:problem:no-sample",
            Kind::EdgeNodeNotFound => "urn:factree:problem:edge-node-not-found",
            Kind::TypeNotFound => "urn:factree:problem:type-not-found",
            Kind::ClientNotFound => "urn:factree:problem:client-not-found",
            Kind::RouteNotFound => "urn:factree:problem:route-not-found",
            Kind::MethodNotAllowed => "urn:factree:problem:method-not-allowed",
            Kind::BadPath => "urn:factree:problem:bad-path",
            Kind::BadParameter => "urn:factree:problem:bad-parameter",
            Kind::BadFilter => "urn:factree:problem:bad-filter",
            Kind::CommandNotFound => "urn:factree:problem:command-not-found",
            Kind::BadBody => "urn:factree:problem:bad-body",
            Kind::BodyTooLarge => "urn:factree:problem:body-too-large",
            Kind::ValueDoesNotFit => "urn:factree:problem:value-does-not-fit",
            Kind::AgainstRule => "urn:factree:problem:against-rule",
            Kind::Offline => "urn:factree:problem:offline",
            Kind::ReadOnly => "urn:factree:problem:read-only",
            Kind::CrossSite => "urn:factree:problem:cross-site",
            Kind::ConfigurationRefused => "urn:factree:problem:configuration-refused",
            Kind::TooManyCommands => "urn:factree:problem:too-many-commands",
            Kind::RebirthTooSoon => "urn:factree:problem:rebirth-too-soon",
            Kind::TooManyStreams => "urn:factree:problem:too-many-streams",
            Kind::UpgradeRequired => "urn:factree:problem:upgrade-required",
            Kind::BadMessage => "urn:factree:problem:bad-message",
            Kind::SubscriptionExists => "urn:factree:problem:subscription-exists",
            Kind::SubscriptionNotFound => "urn:factree:problem:subscription-not-found",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Kind::ElementNotFound => "No element has this path",
            Kind::NoSample => "The element holds no sample",
            Kind::EdgeNodeNotFound => "No such Edge Node",
            Kind::TypeNotFound => "No such type",
            Kind::ClientNotFound => "No such client",
            Kind::RouteNotFound => "No such route",
            Kind::MethodNotAllowed => "The route does not take this method",
            Kind::BadPath => "Not a path of the tree",
            Kind::BadParameter => "A query parameter is not acceptable",
            Kind::BadFilter => "The filter does not parse",
            Kind::CommandNotFound => "No such command",
            Kind::BadBody => "The body is not acceptable",
            Kind::BodyTooLarge => "The body is too large",
            Kind::ValueDoesNotFit => "The value does not fit its datatype",
            Kind::AgainstRule => "The value is against a rule",
            Kind::Offline => "Nobody is there to hear it",
            Kind::ReadOnly => "This cannot be set",
            Kind::CrossSite => "Not from a page of another site",
            Kind::ConfigurationRefused => "The configuration was refused, and nothing has changed",
            Kind::TooManyCommands => "Too many commands are waiting",
            Kind::RebirthTooSoon => "A rebirth has just been asked for",
            Kind::TooManyStreams => "Too many streams",
            Kind::UpgradeRequired => "This is a WebSocket",
            Kind::BadMessage => "The message is not acceptable",
            Kind::SubscriptionExists => "There is such a subscription already",
            Kind::SubscriptionNotFound => "No such subscription",
        }
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
